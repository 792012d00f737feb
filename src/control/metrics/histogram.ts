/** Upper bounds of the buckets, in seconds. The last bucket, for all above, has none. */
export const BOUNDS_SECONDS: readonly number[] = [
  0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];

const BOUNDS_MS = Float64Array.from(BOUNDS_SECONDS, (seconds) => seconds * 1000);

/** What a histogram takes in a row of numbers: its buckets, then the sum in milliseconds. */
export const HISTOGRAM_NUMBERS = BOUNDS_SECONDS.length + 2;

/** How long something took, how often. */
export interface Histogram {
  /** How many fell into each bucket, and into no smaller one. One more than `BOUNDS_SECONDS`. */
  readonly counts: readonly number[];
  readonly sumSeconds: number;
}

/** Counts a time in a row of numbers, in the histogram that begins at `at`. */
export function observe(row: Float64Array, at: number, ms: number): void {
  let bucket = 0;
  while (ms > BOUNDS_MS[bucket]!) bucket++;
  row[at + bucket]!++;
  row[at + HISTOGRAM_NUMBERS - 1]! += ms;
}

export function histogramAt(row: Float64Array, at: number): Histogram {
  return {
    counts: [...row.subarray(at, at + HISTOGRAM_NUMBERS - 1)],
    sumSeconds: row[at + HISTOGRAM_NUMBERS - 1]! / 1000,
  };
}
