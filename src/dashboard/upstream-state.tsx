import type { UpstreamView } from '../control/admin/admin-views.js';

export type Shown = Pick<UpstreamView, 'condition' | 'standing'>;

export type StateWord = 'up' | 'trial' | 'down' | 'leaving' | 'drained' | 'out';

/** What to look at first comes first. */
export const STATE_WORDS: readonly StateWord[] = ['down', 'trial', 'leaving', 'drained', 'out', 'up'];

/** One word for what health says and what an operator wants: what matters more. */
export function stateWord({ condition, standing }: Shown): StateWord {
  if (standing === 'out' || standing === 'drained') return standing;
  if (condition !== 'up') return condition;
  return standing === 'leaving' ? 'leaving' : 'up';
}

/** Each word has a shape of its own, for those who see no colours. */
const SHAPES: Readonly<Record<StateWord, string>> = {
  up: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2z',
  trial: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 2v8a4 4 0 0 1 0-8z',
  down: 'M8 1.5 15 14H1z',
  leaving: 'M2 6.5h6V3l6 5-6 5V9.5H2z',
  drained: 'M8 2a6 6 0 1 0 0 12A6 6 0 0 0 8 2zm0 2a4 4 0 1 1 0 8 4 4 0 0 1 0-8z',
  out: 'M2 2h12v12H2zm2 2v8h8V4z',
};

export function StateMark({ upstream }: { readonly upstream: Shown }) {
  const word = stateWord(upstream);
  const also = word !== upstream.standing && upstream.standing === 'leaving' ? ', leaving' : '';
  return (
    <span class={`state ${word}`}>
      <svg viewBox="0 0 16 16" aria-hidden="true">
        <path d={SHAPES[word]} fill-rule="evenodd" />
      </svg>
      {word}
      {also}
    </span>
  );
}
