/** How somebody wants an upstream emptied, as the dialog has it. */
export interface DrainWish {
  readonly how: 'deadline' | 'pace' | 'open';
  /** `30m` */
  readonly within: string;
  /** Users a minute. */
  readonly pace: string;
  /** `30s`; empty: as their turns come. */
  readonly quiet: string;
}

const UNIT_MS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};
const DAYS_MAX = 400;
const MINUTE_MS = 60_000;

/** What `POST …/drain` takes, and how long it lasts; or what is wrong with the wish. */
export function drainBody(
  { how, within, pace, quiet }: DrainWish,
  users: number,
): { readonly body: object; readonly lengthMs?: number } | { readonly problem: string } {
  if (how === 'open') return { body: {} };
  const lengthMs = how === 'pace' ? paceLength(pace, users) : durationMs(within);
  if (lengthMs === undefined)
    return {
      problem:
        how === 'pace'
          ? 'The pace must be a number of users a minute, above 0.'
          : `Write a deadline such as 90s, 30m or 2h, at most ${DAYS_MAX}d.`,
    };
  const quietMs = quiet.trim() === '' ? 0 : durationMs(quiet);
  if (quietMs === undefined) return { problem: 'Write how long a user must be quiet, such as 30s.' };
  return {
    body: { within: `${Math.round(lengthMs)}ms`, ...(quietMs > 0 && { quiet: quiet.trim() }) },
    lengthMs,
  };
}

export function durationMs(text: string): number | undefined {
  const [, number, unit] = /^(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text.trim()) ?? [];
  const ms = number === undefined ? undefined : Number(number) * UNIT_MS[unit!]!;
  return ms !== undefined && ms <= DAYS_MAX * UNIT_MS['d']! ? ms : undefined;
}

/** As long as these users take at this pace, and a minute at least. */
function paceLength(pace: string, users: number): number | undefined {
  const perMinute = Number(pace);
  if (pace.trim() === '' || !Number.isFinite(perMinute) || perMinute <= 0) return undefined;
  const ms = Math.max(MINUTE_MS, (users / perMinute) * MINUTE_MS);
  return ms <= DAYS_MAX * UNIT_MS['d']! ? ms : undefined;
}
