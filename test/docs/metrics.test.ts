import { describe, expect, it } from 'vitest';
import { FAMILIES } from '../../src/control/metrics/families.js';
import { readText } from '../house/sources.js';

/** The rows of the tables of docs/operating.md whose first cell names a metric. */
const rows = [...readText('docs/operating.md').matchAll(/^\| `([a-z0-9_]+)` \| (.+) \|$/gm)]
  .filter(([, name]) => /^(?:stickyroute|process)_/.test(name!))
  .map(([, name, rest]) => ({ name: name!, cells: rest!.split(' | ') }));

describe('the metrics of docs/operating.md', () => {
  it('are those that there are, in the same order', () => {
    expect(rows.map(({ name }) => name)).toEqual(FAMILIES.map(({ name }) => name));
  });

  it.each(FAMILIES)('$name has the type, the labels and the meaning that the page says', (family) => {
    const { name, type, labels, help } = family;
    const row = rows.find((each) => each.name === name);
    expect(row?.cells).toEqual([type, labels.map((label) => `\`${label}\``).join(' '), help]);
  });

  it.each(FAMILIES)('$name follows the conventions of Prometheus', ({ name, type, labels, help }) => {
    expect(name).toMatch(/^(?:stickyroute|process)_[a-z0-9_]+$/);
    expect(name.endsWith('_total')).toBe(type === 'counter');
    if (type === 'histogram') expect(name).toMatch(/_(?:seconds|bytes)$/);
    for (const label of labels) expect(label).toMatch(/^[a-z][a-z0-9_]*$/);
    expect(new Set(labels).size).toBe(labels.length);
    expect(help).toMatch(/^[A-Z].*[^.]$/);
  });
});
