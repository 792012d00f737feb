import { expect, it } from 'vitest';
import type { Config } from '../../src/control/config/config.js';
import { parseConfig } from '../../src/control/config/load.js';
import { exportText, targets } from '../../src/interop/export.js';
import { Report } from '../../src/interop/report.js';

const config = (count: number, kind: string): string => {
  const each = (line: (at: number) => string): string =>
    Array.from({ length: count }, (_, at) => line(at)).join('');
  switch (kind) {
    case 'pools with a host each':
      return `pools:\n${each((at) => `  p${at}: { upstreams: { a: "http://10.0.0.1:${at + 1}" } }\n`)}routes:\n${each((at) => `  - { match: { host: h${at}.example }, pool: p${at}, affinity: [ip] }\n`)}`;
    case 'paths of one host':
      return `pools:\n  p: { upstreams: { a: http://a } }\nroutes:\n${each((at) => `  - { match: { path: /p${at} }, pool: p, affinity: [ip] }\n`)}`;
    default:
      return `pools:\n  p: { upstreams: { a: http://a } }\nroutes:\n${each((at) => `  - { match: { path: /p${at} }, pool: p, affinity: [{ header: x-${at} }] }\n`)}`;
  }
};
function cpuOf(read: Config, target: (typeof targets)[number]): number {
  const before = process.cpuUsage();
  exportText(target, read, 'x.yaml', undefined, new Report());
  return process.cpuUsage(before).user / 1e3;
}

/** Four times as many routes take about four times as long; squared it would be sixteen. */
it.each(['pools with a host each', 'paths of one host', 'an affinity each'])(
  'attack: %s, by thousands, take their share of time and no more',
  (kind) => {
    const read = (count: number): Config =>
      parseConfig(config(count, kind), { source: 'x.yaml', folder: '.', env: {} });
    const [small, large] = [read(500), read(2000)];
    for (const target of targets) {
      const few = Math.min(...[0, 1, 2].map(() => cpuOf(small, target)));
      // The collector works now and then, and on the account of whoever runs just then.
      const many = Math.min(...[0, 1, 2].map(() => cpuOf(large, target)));
      expect(many / Math.max(few, 20), `${target.name}: ${few} ms, ${many} ms`).toBeLessThan(11);
    }
  },
  60_000,
);
