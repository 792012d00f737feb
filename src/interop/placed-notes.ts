import type { Group } from './groups.js';
import { noteLine, type Note } from './report.js';

/*
 * A written file is told of losses where they are. Writers don't know all of them yet when they write a part,
 * so they leave a line that says which notes belong there.
 */
const MARK = '# \u0000';
const BETWEEN = '\u0001';

/** What the keys of a pool and of its routes are called where there is one of each. */
const SHORT = ['upstreams', 'placement', 'health', 'passive', 'upstreamTls', 'affinity', 'balance'];

/** A line for the notes about these keys: `limits.`, `pools.api.` */
export function notesAbout(keys: readonly string[]): string {
  return `${MARK}${keys.join(BETWEEN)}`;
}

export function notesOf({ poolAt, affinityAt }: Group): string {
  return notesAbout(poolAt === '' ? SHORT : [poolAt, affinityAt]);
}

/** The file with the notes at their places, as comments, and those that have none. */
export function withNotes(
  body: string,
  notes: readonly Note[],
): { readonly text: string; readonly others: readonly Note[] } {
  const left = new Set(notes);
  const lines = body.split('\n').flatMap((line) => {
    const at = line.indexOf(MARK);
    if (at === -1) return [line];
    const keys = line.slice(at + MARK.length).split(BETWEEN);
    const own = [...left].filter((note) => keys.some((key) => note.at.startsWith(key)));
    for (const note of own) left.delete(note);
    return own.map((note) => `${line.slice(0, at)}# ${noteLine(note)}`);
  });
  return { text: lines.join('\n'), others: [...left] };
}
