/** How an instant is written, for messages. */
export const INSTANT_FORM =
  'a day, such as 2027-03-01 (it begins at midnight UTC), or a time with its zone, such as 2027-03-01T18:00:00Z';

const FORM = /^(\d{4}-\d{2}-(\d{2}))(T\d{2}:\d{2}(:\d{2})?(Z|[+-]\d{2}:\d{2}))?$/;

/**
 * Milliseconds since 1970 of a day (its beginning, UTC) or a time of RFC 3339; undefined for anything else. A
 * time without a zone means another instant on each machine.
 */
export function parseInstant(text: string): number | undefined {
  const match = FORM.exec(text);
  if (match === null) return undefined;
  // Where a month has no such day, JavaScript may count on into the next.
  const dayMs = Date.parse(match[1]!);
  if (Number.isNaN(dayMs) || new Date(dayMs).getUTCDate() !== Number(match[2])) return undefined;
  const ms = Date.parse(text);
  return Number.isNaN(ms) ? undefined : ms;
}
