import { FAMILIES } from './families.js';
import type { Labels, Sample } from './family.js';
import { BOUNDS_SECONDS, type Histogram } from './histogram.js';
import type { MetricsSnapshot } from './snapshot.js';

/** Of what `prometheusText` writes: Prometheus' text format. */
export const PROMETHEUS_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

/** Pieces have about this many characters, so that whoever writes them can do something else in between. */
const PIECE_CHARACTERS = 64 * 1024;

/** All metrics as Prometheus reads them. A pool of 4000 upstreams makes 20 MB: see `prometheusPieces`. */
export function prometheusText(snapshot: MetricsSnapshot): string {
  return [...prometheusPieces(snapshot)].join('');
}

/** The same in pieces, each made when it is asked for. */
export function* prometheusPieces(snapshot: MetricsSnapshot): Generator<string> {
  let piece = '';
  for (const { name, type, help, samples } of FAMILIES) {
    piece += `# HELP ${name} ${escaped(help)}\n# TYPE ${name} ${type}\n`;
    for (const sample of samples(snapshot)) {
      piece += sampleText(name, sample);
      if (piece.length < PIECE_CHARACTERS) continue;
      yield piece;
      piece = '';
    }
  }
  yield piece;
}

function sampleText(name: string, { labels, value }: Sample): string {
  if (typeof value === 'number') return `${name}${labelText(labels)} ${value}\n`;
  return histogramText(name, labels, value);
}

function histogramText(name: string, labels: Labels, { counts, sumSeconds }: Histogram): string {
  let text = '';
  let sum = 0;
  counts.forEach((count, at) => {
    sum += count;
    const bound = at < BOUNDS_SECONDS.length ? String(BOUNDS_SECONDS[at]) : '+Inf';
    text += `${name}_bucket${labelText([...labels, ['le', bound]])} ${sum}\n`;
  });
  const all = labelText(labels);
  return `${text}${name}_sum${all} ${sumSeconds}\n${name}_count${all} ${sum}\n`;
}

function labelText(labels: Labels): string {
  const texts = labels
    .filter(([, value]) => value !== '')
    .map(([name, value]) => `${name}="${escaped(value).replaceAll('"', '\\"')}"`);
  return texts.length === 0 ? '' : `{${texts.join(',')}}`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n');
}
