import { request, type RawResponse } from './raw-client.js';

/** What `/metrics` said. */
export class MetricSamples {
  readonly text: string;
  readonly #samples: {
    readonly name: string;
    readonly labels: Map<string, string>;
    readonly value: number;
  }[];

  constructor(text: string) {
    this.text = text;
    this.#samples = text
      .split('\n')
      .filter((line) => line !== '' && !line.startsWith('#'))
      .map((line) => {
        const match = /^([a-z0-9_]+)(?:\{(.*)\})? (\S+)$/.exec(line);
        if (match === null) throw new Error(`Not a sample: ${line}`);
        const labels = [...(match[2] ?? '').matchAll(/([a-z0-9_]+)="((?:[^"\\]|\\.)*)"/g)];
        return {
          name: match[1]!,
          labels: new Map(labels.map(([, name, value]) => [name!, value!])),
          value: Number(match[3]),
        };
      });
  }

  /** Of the samples of this name with these labels; an empty one is absent. Undefined: there is none. */
  sum(name: string, labels: Readonly<Record<string, string>> = {}): number | undefined {
    const fitting = this.#samples.filter(
      (sample) =>
        sample.name === name &&
        Object.entries(labels).every(([label, value]) => (sample.labels.get(label) ?? '') === value),
    );
    return fitting.length === 0 ? undefined : fitting.reduce((sum, { value }) => sum + value, 0);
  }

  /** The values that a label has. */
  values(name: string, label: string): string[] {
    const found = this.#samples.filter((sample) => sample.name === name);
    return [...new Set(found.map(({ labels }) => labels.get(label) ?? ''))].sort();
  }
}

export async function scrape(port: number): Promise<MetricSamples> {
  const answer = await request(port, { target: '/metrics' });
  if (answer.status !== 200) throw new Error(`/metrics answered ${answer.status}`);
  return new MetricSamples(answer.text());
}

/** `/live` or `/ready`. */
export function probe(port: number, target: string): Promise<RawResponse> {
  return request(port, { target });
}
