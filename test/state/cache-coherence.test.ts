import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { coherenceContract, type CoherenceSubject } from '../../src/testing/index.js';
import { bentocache, cacheable, stickyroute } from './coherence/subjects.js';

const PAGE = new URL('../../docs/cache.md', import.meta.url);
const SUBJECTS: Readonly<Record<string, CoherenceSubject>> = { stickyroute, bentocache, cacheable };

describe('the coherence suite on this cache', () => {
  for (const { name, run } of coherenceContract(stickyroute)) it(name, run);
});

it('the coherence suite finds in others what docs/cache.md says that it finds', async () => {
  // Side by side: each has processes of its own, and they mostly wait.
  const columns = await Promise.all(
    Object.values(SUBJECTS).map(async (subject) => {
      const outcomes: Record<string, string> = {};
      for (const { name, run } of coherenceContract(subject)) outcomes[name] = await outcomeOf(run);
      return outcomes;
    }),
  );
  const versions = Object.keys(SUBJECTS).map((name) =>
    name === 'stickyroute' ? name : `${name} ${versionOf(name)}`,
  );
  const lines = [`| | ${versions.join(' | ')} |`, `| --- |${' --- |'.repeat(versions.length)}`];
  for (const name of Object.keys(columns[0]!))
    lines.push(`| ${name} | ${columns.map((outcomes) => outcomes[name]).join(' | ')} |`);
  const table = lines.join('\n');
  console.log(table);
  expect(readFileSync(PAGE, 'utf8'), 'Put the table that was printed into docs/cache.md.').toContain(table);
}, 120_000);

async function outcomeOf(run: () => void | Promise<void>): Promise<string> {
  try {
    await run();
    return 'holds';
  } catch (error) {
    return /it offers (no|nothing)/.test(String(error)) ? 'not offered' : '**fails**';
  }
}

function versionOf(name: string): string {
  return (
    JSON.parse(readFileSync(new URL(`../../node_modules/${name}/package.json`, import.meta.url), 'utf8')) as {
      readonly version: string;
    }
  ).version;
}
