import { wholeNumber } from '../../base/digits.js';

/**
 * What the client brings along behind its id. Nobody signs it: whoever changes it costs the store a read, or
 * gets its cookie once more.
 */
export interface SessionMark {
  /** Until when the cookie lives, as the browser was told last; 0: it was told nothing. */
  readonly untilMs: number;
  /** Names the last write that the client knows to be stored; empty: none. */
  readonly write: string;
}

const NONE: SessionMark = { untilMs: 0, write: '' };
const MARK = /^([0-9a-z]{0,10})\.([0-9a-z]{0,11})$/;
const SIGN = '~';

/** A cookie's text as the id's, and the mark. What is no mark counts as none. */
export function splitMark(text: string): { readonly id: string; readonly mark: SessionMark } {
  const at = text.indexOf(SIGN);
  if (at === -1) return { id: text, mark: NONE };
  const match = MARK.exec(text.slice(at + 1, at + 24));
  const mark = match === null ? NONE : { untilMs: wholeNumber(match[1]! || '0', 36), write: match[2]! };
  return { id: text.slice(0, at), mark };
}

export function writeMark({ untilMs, write }: SessionMark): string {
  if (untilMs <= 0 && write === '') return '';
  return `${SIGN}${untilMs > 0 ? Math.round(untilMs).toString(36) : ''}.${write}`;
}
