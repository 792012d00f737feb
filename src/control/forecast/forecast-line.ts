import type { KeyFlow } from './key-moves.js';

/** One thing that a change does to users, or to settings that users notice. */
export interface ForecastLine {
  readonly kind: ForecastKind;
  readonly route?: string;
  readonly pool?: string;
  readonly upstream?: string;
  /** The share of the route's users that move, from 0 to 1, where it is known. */
  readonly share?: number;
  /** From whom to whom keys move, the greatest flow first, at most 100. */
  readonly flows?: readonly KeyFlow[];
  /** For people. */
  readonly text: string;
}

/** What moves users comes first. */
export const FORECAST_KINDS = [
  'cookies',
  'routes',
  'keys',
  'rules',
  'standing',
  'address',
  'proxies',
  'limits',
  'failure',
  'balance',
  'weights',
  'upstreams',
  'restart',
] as const;
export type ForecastKind = (typeof FORECAST_KINDS)[number];
