import { describe, expect, it } from 'vitest';
import { connectionTaken, mayBegin, sendLater } from './turn.js';

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

/** Asks for `count` beginnings in this turn; answers with who has begun, as it grows. */
function ask(count: number, begun: number[] = [], from = 0): number[] {
  for (let at = from; at < from + count; at++)
    if (mayBegin({ begin: () => void begun.push(at) })) begun.push(at);
  return begun;
}

describe('a turn of the event loop', () => {
  it('begins every request at once, where no connection came', () => {
    expect(ask(100)).toHaveLength(100);
  });

  it('begins two where a connection came, and two in each that follows one, in order', async () => {
    connectionTaken();
    const begun = ask(6);
    expect(begun).toEqual([0, 1]);
    connectionTaken();
    await turn();
    expect(begun).toEqual([0, 1, 2, 3]);
    // Nobody overtakes those that wait.
    ask(1, begun, 6);
    expect(begun).toEqual([0, 1, 2, 3]);
    // No connection came in the turn that begins now, so all go on.
    await turn();
    expect(begun).toEqual([0, 1, 2, 3, 4, 5, 6]);
    expect(ask(100)).toHaveLength(100);
  });

  it('goes back to all when nothing more comes', async () => {
    connectionTaken();
    await turn();
    await turn();
    expect(ask(100)).toHaveLength(100);
  });

  it('sends at its end what was begun until then', async () => {
    const sent: string[] = [];
    sendLater({ send: () => void sent.push('a') });
    sendLater({ send: () => void sent.push('b') });
    expect(sent).toEqual([]);
    await turn();
    expect(sent).toEqual(['a', 'b']);
  });
});
