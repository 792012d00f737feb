/**
 * The ways in which `length` bytes may arrive: whole, cut in two at every single place, and byte by byte.
 * Each is a list of the places where one read ends and the next begins.
 */
export function* cutsOf(length: number): Generator<readonly number[]> {
  yield [];
  for (let at = 1; at < length; at++) yield [at];
  if (length > 2) yield Array.from({ length: length - 1 }, (_, at) => at + 1);
}

/** What each read brings of a byte string that is cut at these places. */
export function pieces(text: string, cuts: readonly number[]): string[] {
  const bounds = [0, ...cuts, text.length];
  return bounds.slice(1).map((end, at) => text.slice(bounds[at], end));
}

/** A cut in words, for the message of a test that fails: `5;|0x5`. */
export function shownCut(text: string, cuts: readonly number[]): string {
  return cuts.length === text.length - 1 ? 'byte by byte' : JSON.stringify(pieces(text, cuts).join('|'));
}
