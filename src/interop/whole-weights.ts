import type { Upstream } from '../route/pool/upstream.js';
import type { Report } from './report.js';

/** Finer shares than this make no difference that anybody could measure. */
const FACTOR_MAX = 1000;

/**
 * Weights as whole numbers up to `weightMax`, in the same proportion where that can be. Weights that are
 * whole and small enough already stay as they are, whatever they have in common: rings have as many points as
 * a weight says.
 */
export function wholeWeights(
  upstreams: readonly Upstream[],
  weightMax: number,
  at: string,
  report: Report,
): number[] {
  const weights = upstreams.map(({ weight }) => weight);
  if (weights.every((weight) => Number.isInteger(weight) && weight <= weightMax)) return weights;
  const largest = Math.max(...weights);
  for (let factor = 1; factor <= FACTOR_MAX; factor++) {
    const scaled = weights.map((weight) => weight * factor);
    if (largest * factor > weightMax) break;
    if (scaled.every((weight) => Math.abs(weight - Math.round(weight)) < 1e-9)) return scaled.map(Math.round);
  }
  const rounded = weights.map((weight) =>
    Math.max(1, Math.round((weight / largest) * Math.min(weightMax, FACTOR_MAX))),
  );
  report.say(
    `${at}upstreams`,
    `have weights that are written as ${rounded.slice(0, 8).join(', ')}${rounded.length > 8 ? ' …' : ''}: there, a weight is a whole number up to ${weightMax}.`,
  );
  return rounded;
}
