import type { Histogram } from './histogram.js';
import type { MetricsSnapshot } from './snapshot.js';

/** In the order in which they are written. An empty value is left out: to Prometheus both are the same. */
export type Labels = readonly (readonly [name: string, value: string])[];

export interface Sample {
  readonly labels: Labels;
  readonly value: number | Histogram;
}

/** One metric: what `/metrics` says of it, and the docs. Its name is public: never reused. */
export interface Family {
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** One sentence, without a full stop. */
  readonly help: string;
  readonly labels: readonly string[];
  samples(snapshot: MetricsSnapshot): Iterable<Sample>;
}

/** Labels and samples in one: the names of the labels stand in the order of the values. */
export function family(
  type: Family['type'],
  name: string,
  help: string,
  labels: readonly string[],
  values: (snapshot: MetricsSnapshot) => Iterable<readonly [value: number | Histogram, ...labels: string[]]>,
): Family {
  return {
    name,
    type,
    help,
    labels,
    *samples(snapshot) {
      for (const [value, ...texts] of values(snapshot))
        yield { value, labels: labels.map((label, at) => [label, texts[at]!] as const) };
    },
  };
}
