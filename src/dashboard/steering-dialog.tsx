import { useEffect, useRef, useState } from 'preact/hooks';
import { askApi, upstreamPath } from './api.js';
import { drainBody, type DrainWish } from './drain-wish.js';
import { disableText, drainText, enableText, usersThere, weightText, type Steered } from './steering-text.js';

export type Verb = 'drain' | 'enable' | 'disable' | 'weight';

const VERBS: readonly (readonly [Verb, string])[] = [
  ['drain', 'Drain'],
  ['enable', 'Enable'],
  ['disable', 'Disable'],
  ['weight', 'Weight'],
];
const WISH: DrainWish = { how: 'deadline', within: '30m', pace: '40', quiet: '' };

interface Props {
  readonly steered: Steered;
  readonly verb: Verb;
  /** Why nothing can be changed; undefined: it can. */
  readonly locked: string | undefined;
  readonly close: () => void;
  readonly done: (said: string) => void;
}

/** Asks once, and says before what will happen. */
export function SteeringDialog({ steered, verb: first, locked, close, done }: Props) {
  const dialog = useRef<HTMLDialogElement>(null);
  const [verb, setVerb] = useState<Verb>(first);
  const [wish, setWish] = useState(WISH);
  const [weight, setWeight] = useState(String(steered.upstream.weight));
  const [problem, setProblem] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  useEffect(() => dialog.current!.showModal(), []);

  const { pool, upstream } = steered;
  const plan = planOf(steered, verb, wish, weight);
  const submit = async (): Promise<void> => {
    if (plan.problem !== undefined || locked !== undefined || isBusy) return;
    setBusy(true);
    try {
      const path = `${upstreamPath(pool.name, upstream.id)}/${verb}`;
      const { changed } = await askApi<{ changed: boolean }>(path, plan.body);
      done(changed ? `Done: ${verb} ${upstream.id}` : `Nothing to do: ${upstream.id} was so already`);
    } catch (error) {
      setProblem((error as Error).message);
      setBusy(false);
    }
  };

  return (
    <dialog ref={dialog} aria-labelledby="steering-title" onClose={close}>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          void submit();
        }}
      >
        <h2 id="steering-title">
          {upstream.id} <small>pool {pool.name}</small>
        </h2>
        <fieldset class="choices">
          <legend class="unseen">What to do</legend>
          {VERBS.map(([each, name]) => (
            <label key={each}>
              <input
                type="radio"
                name="verb"
                checked={verb === each}
                onChange={() => (setVerb(each), setProblem(undefined))}
              />
              {name}
            </label>
          ))}
        </fieldset>
        {verb === 'drain' && <DrainFields wish={wish} setWish={setWish} />}
        {verb === 'weight' && (
          <label class="field">
            Weight
            <input
              value={weight}
              inputMode="decimal"
              onInput={({ currentTarget }) => setWeight(currentTarget.value)}
            />
          </label>
        )}
        <div class="plan" aria-live="polite">
          {plan.problem === undefined ? (
            plan.says.map((line) => <p key={line}>{line}</p>)
          ) : (
            <p class="problem">{plan.problem}</p>
          )}
        </div>
        {locked !== undefined && (
          <p class="problem" id="locked">
            {locked}
          </p>
        )}
        {problem !== undefined && (
          <p class="problem" role="alert">
            {problem}
          </p>
        )}
        <div class="tools end">
          <button type="button" onClick={() => dialog.current!.close()}>
            Cancel
          </button>
          <button
            type="submit"
            class="chief"
            disabled={locked !== undefined || plan.problem !== undefined || isBusy}
            aria-describedby={locked === undefined ? undefined : 'locked'}
          >
            {nameOf(verb)} {upstream.id}
          </button>
        </div>
      </form>
    </dialog>
  );
}

interface FieldsProps {
  readonly wish: DrainWish;
  readonly setWish: (wish: DrainWish) => void;
}

function DrainFields({ wish, setWish }: FieldsProps) {
  const choice = (how: DrainWish['how'], name: string) => (
    <label>
      <input type="radio" name="how" checked={wish.how === how} onChange={() => setWish({ ...wish, how })} />
      {name}
    </label>
  );
  const field = (name: 'within' | 'pace' | 'quiet', label: string, unit: string, hint = '') => (
    <label class="field">
      {label}
      <span>
        <input
          value={wish[name]}
          size={6}
          placeholder={hint}
          onInput={({ currentTarget }) => setWish({ ...wish, [name]: currentTarget.value })}
        />{' '}
        {unit}
      </span>
    </label>
  );
  return (
    <>
      <fieldset class="choices">
        <legend class="unseen">How it ends</legend>
        {choice('deadline', 'by a deadline')}
        {choice('pace', 'at a pace')}
        {choice('open', 'without an end')}
      </fieldset>
      {wish.how === 'deadline' && field('within', 'Over within', 'such as 30m or 2h')}
      {wish.how === 'pace' && field('pace', 'At most', 'users a minute')}
      {wish.how !== 'open' && field('quiet', 'First those who are quiet for', '(may stay empty)', '30s')}
    </>
  );
}

interface Plan {
  readonly says: readonly string[];
  readonly body: object;
  readonly problem?: string | undefined;
}

function planOf(steered: Steered, verb: Verb, wish: DrainWish, weight: string): Plan {
  switch (verb) {
    case 'enable':
      return { says: enableText(steered), body: {} };
    case 'disable':
      return { says: disableText(steered), body: {} };
    case 'weight': {
      const value = Number(weight);
      if (weight.trim() === '' || !Number.isFinite(value) || value <= 0)
        return { says: [], body: {}, problem: 'The weight must be a number above 0.' };
      return { says: weightText(steered, value), body: { weight: value } };
    }
    case 'drain': {
      const drain = drainBody(wish, usersThere(steered.upstream));
      if ('problem' in drain) return { says: [], body: {}, problem: drain.problem };
      return { says: drainText(steered, drain.lengthMs), body: drain.body };
    }
  }
}

function nameOf(verb: Verb): string {
  return verb === 'weight' ? 'Weigh' : VERBS.find(([each]) => each === verb)![1];
}
