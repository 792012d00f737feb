import type { Noted } from './feed-follower.js';

/** Notes as a store keeps them; undefined where the text is none of ours. */
export function readNotes(text: string): readonly string[] | undefined {
  try {
    const notes: unknown = JSON.parse(text);
    return Array.isArray(notes) && notes.every((note) => typeof note === 'string') ? notes : undefined;
  } catch {
    return undefined;
  }
}

export function noted(sequence: number, previous: number, text: string): Noted | undefined {
  const notes = readNotes(text);
  return notes === undefined || !Number.isSafeInteger(sequence) || !Number.isSafeInteger(previous) ? undefined : { sequence, previous, notes };
}
