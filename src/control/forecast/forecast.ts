import { fixedText, withFixed } from '../fixed-settings.js';
import { FORECAST_KINDS, type ForecastKind, type ForecastLine } from './forecast-line.js';
import { KEYS_DRAWN } from './key-moves.js';
import type { Outlook } from './outlook.js';
import { percent } from './percent.js';
import { poolLines } from './pool-lines.js';
import { routeLines } from './route-lines.js';
import { routePairs } from './route-pairs.js';

/** What users will notice of a change of the configuration. */
export interface Forecast {
  /** The greatest share of users that move on any route, from 0 to 1. */
  readonly moved: number;
  /** What moves users first; empty: nothing that users would notice. */
  readonly lines: readonly ForecastLine[];
}

/** What a change does to users, told before it is made. The same two configurations give the same answer. */
export function forecast(before: Outlook, after: Outlook): Forecast {
  const lines: ForecastLine[] = [];
  let moved = 0;
  for (const pair of routePairs(before, after)) {
    const told = routeLines(pair, before, after);
    lines.push(...told.lines);
    moved = Math.max(moved, told.moved);
  }
  lines.push(...poolLines(before, after));
  for (const fixed of withFixed(before.config, after.config).needsRestart)
    lines.push({ kind: 'restart', text: fixedText(fixed) });
  return { moved, lines: sorted(onceForAll(lines)) };
}

/** A line each. The last one says how exact shares are, where there are any. */
export function forecastText({ lines, moved }: Forecast): string[] {
  const texts = lines.map(({ text }) => text);
  if (moved === 0 && !lines.some(({ kind }) => MAY_MOVE.has(kind))) texts.unshift('No user moves.');
  if (lines.some(({ flows }) => flows !== undefined))
    texts.push(`Shares of keys: ${KEYS_DRAWN} drawn keys, ± 1 %.`);
  return texts;
}

/** With these some users may move, and nobody can say how many. */
const MAY_MOVE: ReadonlySet<string> = new Set<ForecastKind>([
  'cookies',
  'keys',
  'rules',
  'proxies',
  'limits',
]);

/** Why a change is more than was allowed; undefined: it is not. */
export function moreThan({ moved }: Forecast, movedMax: number): string | undefined {
  return moved <= movedMax ? undefined : `${percent(moved)} of users move, and ${percent(movedMax)} may.`;
}

function sorted(lines: readonly ForecastLine[]): ForecastLine[] {
  const rank = ({ kind }: ForecastLine): number => FORECAST_KINDS.indexOf(kind);
  return [...lines].sort((a, b) => rank(a) - rank(b) || (b.share ?? 0) - (a.share ?? 0));
}

/** What is said of the whole configuration (`keys`) is said once, not for every route. */
function onceForAll(lines: readonly ForecastLine[]): ForecastLine[] {
  const said = new Set<string>();
  return lines.filter(({ text }) => !said.has(text) && said.add(text));
}
