import { expect, it } from 'vitest';
import { places, sourcesUnder } from './sources.js';

/** Who may wait for a time, and why no condition would do. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  'test/support/until.ts': 'It is the wait for conditions.',
  'test/proxy/interim-answers.test.ts': 'A client that is slow for less than a limit, and then reads.',
  'test/support/upstream.ts': 'An upstream that answers late.',
  'test/state/cache-redis.test.ts': 'The pace of its traffic, and processes that stand still for so long.',
};

/** What sends or reads at a pace of its own (`setInterval`) waits for nothing. */
const SLEEP = /(?<![.\w])setTimeout(?:\(| as )/g;

it('a test waits for a condition, never for a time', () => {
  const tests = sourcesUnder('src', { tests: true }).filter(({ path }) => path.endsWith('.test.ts'));
  const found = [...sourcesUnder('test', { tests: true }), ...tests].flatMap((file) =>
    places(file.path, file.bare, SLEEP),
  );
  const files = [...new Set(found.map((place) => place.split(':')[0]!))].sort();
  expect(
    files.filter((path) => EXCEPTIONS[path] === undefined),
    'Wait with until() or within() of test/support/until.ts, or move a manual clock on. An exception needs a reason in this file.',
  ).toEqual([]);
  expect(
    Object.keys(EXCEPTIONS).filter((path) => !files.includes(path)),
    'No exception any more.',
  ).toEqual([]);
});
