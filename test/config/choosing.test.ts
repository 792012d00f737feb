import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { readConfig } from '../../src/control/config/load.js';
import { CLIENTS, KEEPS, PRESETS, situationFor } from '../../src/control/presets.js';

const rows = readFileSync(new URL('../../docs/choosing.md', import.meta.url), 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('|'));

/** The names of a configuration's rules. */
function rulesOf(affinity: readonly unknown[]): string[] {
  return readConfig({ upstreams: ['http://127.0.0.1:3001'], affinity }).routes[0]!.affinity.map(
    ({ name }) => name,
  );
}

describe('docs/choosing.md', () => {
  it.each(PRESETS)('tells of the preset $name what it is', ({ name, size, scheme, config }) => {
    const row = rows.find((line) => line.includes(`\`${name}\``))!;
    expect(row).toContain(scheme);
    expect(row).toContain(size.replace(/ users$/, ''));
    for (const rule of rulesOf(config.affinity)) expect(row).toContain(`\`${rule}\``);
  });

  it.each([
    ...CLIENTS.map((clients) => [`--clients ${clients}`, situationFor(clients, undefined)] as const),
    ...KEEPS.map((keeps) => [`--keeps ${keeps}`, situationFor(undefined, keeps)] as const),
  ])('tells what %s leads to', (flags, situation) => {
    const row = rows.find((line) => line.includes(`\`${flags}\``));
    if (situation === undefined) {
      expect(row).toBeUndefined();
      return;
    }
    expect(row).toContain(situation.scheme.replace(', no affinity', ''));
    const rules = rulesOf(situation.config.affinity);
    expect(row).toContain(rules.length === 0 ? 'none' : rules.map((rule) => `\`${rule}\``).join(', '));
  });
});
