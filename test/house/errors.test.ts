import { expect, it } from 'vitest';
import { ERROR_STATUS, StickyError, WARNING_CODES, type StickyErrorCode } from '../../src/base/errors.js';
import { readText, sourcesUnder } from './sources.js';

const page = readText('docs/errors.md');

/** The cells of the table below a heading, without its head. */
function rows(heading: string): string[][] {
  const section = page.split(`## ${heading}\n`)[1]!.split('\n## ')[0]!;
  const lines = section.split('\n').filter((line) => line.startsWith('|'));
  return lines.slice(2).map((line) =>
    line
      .split('|')
      .slice(1, -1)
      .map((cell) => cell.trim()),
  );
}

it('docs/errors.md has every code, with its status, when it comes and what to do', () => {
  const written = rows('Codes').map(([code, status, when, what]) => [
    code,
    status === '' ? undefined : Number(status),
    when !== '' && what !== '',
  ]);
  expect(written).toEqual(
    Object.entries(ERROR_STATUS).map(([code, status]) => [`\`${code}\``, status, true]),
  );
  for (const [code, status] of Object.entries(ERROR_STATUS)) {
    const error = new StickyError(code as StickyErrorCode, 'x');
    expect([error.status, error.statusCode]).toEqual([status, status]);
  }
});

it('docs/errors.md has every code of a warning', () => {
  expect(rows('Warnings').map(([code]) => code)).toEqual(WARNING_CODES.map((code) => `\`${code}\``));
});

it('the code has no code that stands in neither table', () => {
  const known = new Set<string>([...Object.keys(ERROR_STATUS), ...WARNING_CODES]);
  const strays = sourcesUnder('src').flatMap(({ path, text }) =>
    [...text.matchAll(/['"`](STICKY_[A-Z_]+)['"`]/g)]
      .map((match) => match[1]!)
      .filter((code) => !known.has(code))
      .map((code) => `${path}: ${code}`),
  );
  expect(strays, 'add it to src/base/errors.ts and docs/errors.md').toEqual([]);
});
