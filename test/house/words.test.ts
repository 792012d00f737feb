import { basename } from 'node:path';
import { describe, expect, it } from 'vitest';
import { filesUnder, places, readText, sourcesUnder } from './sources.js';

const LINES_MAX = 400;
/** A file of tests is a list of cases, most of them looked up by name. */
const TEST_LINES_MAX = 600;
/** The formatter's, in .prettierrc.json. */
const COLUMNS_MAX = 110;

const ROOMS = ['src', 'test', 'bench', 'examples', 'docs'];
const paths = ROOMS.flatMap((room) => filesUnder(room));
const sources = ROOMS.flatMap((room) => sourcesUnder(room, { tests: true }));
const shipped = sourcesUnder('src');

describe('names', () => {
  it('files and folders are kebab-case', () => {
    const kebab = /^[a-z0-9]+(-[a-z0-9]+)*(\.[a-z0-9]+)*$/;
    const odd = paths.filter(
      (path) => !path.split('/').every((part) => kebab.test(part) || part === 'README.md'),
    );
    expect(odd, 'Name a file in kebab-case for the one thing that it exports.').toEqual([]);
  });

  it('no file is named for having no name', () => {
    const vague =
      /(?:^|-)(?:utils?|helpers?)$|^(?:common|misc|shared|lib|stuff|functions|constants|types|interfaces)$/;
    const odd = paths.filter((path) => path.split('/').some((part) => vague.test(part.replace(/\..*$/, ''))));
    expect(odd, 'Name the file for the one thing that it exports; the folder supplies the context.').toEqual(
      [],
    );
  });

  it('an upstream is called upstream, and a failure policy by its names', () => {
    // In names only: `backend` is also what apps call their route cookie, in strings and comments.
    const words: readonly (readonly [RegExp, string])[] = [
      [/\b\w*[bB]ackend\w*\b/g, 'upstream'],
      [/\b(?:origin|target|remote|app|api)(?:Server|Node|Host)s?\b/g, 'upstream'],
      [/\b\w*[sS]tickiness\w*\b/g, 'affinity'],
      [/\b\w*[fF]ailover(?:Mode|Policy|Strategy)\b/g, 'failure policy (onFailure)'],
      [/\b\w*(?:Strategy|Algorithm)\b(?<!tlsAlgorithm|signatureAlgorithm)/g, 'placement or balance'],
    ];
    const ours = shipped.filter((file) => !TRANSLATORS.test(file.path));
    const odd = words.flatMap(([pattern, instead]) =>
      ours.flatMap((file) => places(file.path, file.bare, pattern).map((place) => `${place} → ${instead}`)),
    );
    expect(odd, 'One word for one thing: the table of words is in ARCHITECTURE.md.').toEqual([]);
  });

  it('units stand last in names', () => {
    const odd = shipped.flatMap((file) =>
      places(
        file.path,
        file.bare,
        /\b(?:ms|max|min)[A-Z]\w*(?=\s*[:=?])|\b\w+(?:InMs|Millis|Milliseconds)\b/g,
      ),
    );
    expect(
      odd.filter((place) => !ALLOWED_UNITS.test(place)),
      'Put the unit last: idleMs, bodyBytesMax.',
    ).toEqual([]);
  });

  it('a field or variable that answers yes or no is positive', () => {
    const odd = shipped.flatMap((file) =>
      places(
        file.path,
        file.bare,
        /\b(?:is|has|can)Not[A-Z]\w*|\b(?:no|non|dont|disable)[A-Z]\w*(?=\??: boolean)/g,
      ),
    );
    expect(odd, 'Turn it round: isReachable, not isNotReachable.').toEqual([]);
  });
});

/**
 * Where other programs' words are the subject: suggestions for misspelt keys, other balancers' configuration.
 */
const TRANSLATORS = /^src\/(?:control\/config\/suggestion\.ts|interop\/)/;

/**
 * Names that others gave: the configuration's own keys, and options of Node and of packages. `expiresInMs`
 * says when, in ms.
 */
const ALLOWED_UNITS =
  /\b(?:expiresInMs|endsInMs|maxFails|maxEjected|minRingSize|maxRingSize|maxAliasCount|maxWrite|minLength|minItems|minProperties|maxProperties|maxHeaderSize|maxPayload|maxAge|maxVersion|minVersion|maxConnections|maxHeadersCount|maxSockets|maxSize|maxIdle|maxLife|maxReaders|maxRetriesPerRequest)\b/;

/** How many columns of a line its strings take, from the first character that one holds to the last. */
function textColumns(code: string, bare: string): number {
  const differing = [...code].flatMap((char, at) => (char === bare[at] ? [] : [at]));
  return differing.length === 0 ? 0 : differing.at(-1)! - differing[0]! + 1;
}

describe('files', () => {
  it(`none has more than ${LINES_MAX} lines, or ${TEST_LINES_MAX} of tests`, () => {
    const long = sources
      .map((file) => ({ path: file.path, lines: file.text.split('\n').length - 1 }))
      .filter(({ path, lines }) => lines > (path.endsWith('.test.ts') ? TEST_LINES_MAX : LINES_MAX));
    expect(long, 'A file reads in one sitting: take a part with a name of its own out of it.').toEqual([]);
  });

  it(`no line is wider than ${COLUMNS_MAX} columns, but for what a string holds`, () => {
    const wide = sources.flatMap((file) => {
      const bare = file.bare.split('\n');
      const code = file.code.split('\n');
      return file.text
        .split('\n')
        .map((line, at) => ({ at, columns: line.length - textColumns(code[at]!, bare[at]!) }))
        .filter(({ columns }) => columns > COLUMNS_MAX)
        .map(({ at, columns }) => `${file.path}:${at + 1}  ${columns} columns`);
    });
    expect(wide, 'Run `npm run format`; wrap comments by hand.').toEqual([]);
  });

  it('none leaves a note to do something later', () => {
    const marks = new RegExp(
      `\\b(?:${['TO', 'FIX', 'XX', 'HA'].map((start, at) => start + ['DO', 'ME', 'X', 'CK'][at]).join('|')})\\b`,
      'g',
    );
    const notes = [...paths, ...filesUnder('.', /^[^/]+\.(md|ts|json)$/)]
      .filter((path) => /\.(ts|mjs|js|md|sh|ya?ml)$/.test(path))
      .flatMap((path) => places(path, readText(path), marks));
    expect(notes, 'Do it, or write an issue.').toEqual([]);
  });

  it('no test is switched off or alone', () => {
    const odd = sources
      .filter((file) => file.path.endsWith('.test.ts'))
      .flatMap((file) =>
        places(file.path, file.bare, /\b(?:it|test|describe)\.(?:only|skip|todo|skipIf|runIf)\b/g),
      );
    expect(odd, 'Use skipUnless(program) of test/support/programs.ts, which says why.').toEqual([]);
  });

  it('no default export, unless a tool asks for one', () => {
    const odd = sources
      .filter((file) => file.path.startsWith('src/'))
      .flatMap((file) => places(file.path, file.bare, /^export default\b/gm));
    expect(odd, 'Export by name: one word for one thing.').toEqual([]);
  });

  it('every file of src exports something', () => {
    const programs = /^src\/(?:cli|control\/workers)\/main\.ts$/;
    const silent = shipped.filter((file) => !programs.test(file.path) && !/^export\b/m.test(file.bare));
    expect(
      silent.map((file) => `${basename(file.path)} in ${file.path}`),
      'Export something, or delete the file.',
    ).toEqual([]);
  });
});
