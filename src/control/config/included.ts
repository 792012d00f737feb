import { readdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { readBounded } from './bounded-file.js';
import { reason } from './certificates.js';
import { parseText, type ConfigDocument, type TextPlace } from './document.js';
import { kindOf } from './messages.js';
import type { ConfigProblem } from './problem.js';

/** A file a team, or one a service, is what a folder is for. */
const FILES_MAX = 1000;
const FILE_BYTES_MAX = 1024 * 1024;
/** What all of them may have together. */
const ALL_BYTES_MAX = 4 * 1024 * 1024;

const SECTIONS = ['pools', 'routes'] as const;

interface Part {
  /** As messages show it. */
  readonly file: string;
  readonly document: ConfigDocument;
}

/** Where a route or a pool of the whole came from. */
interface Piece {
  readonly part: Part | undefined;
  readonly path: readonly PropertyKey[];
  readonly value: unknown;
}

/**
 * A configuration with the files of the folder that its `include` names: pools and routes of all of them
 * together. A file says `pools` and `routes` and nothing else, so that what goes for the gateway as a whole
 * stands in one place.
 */
export function withIncluded(main: ConfigDocument, { folder }: { readonly folder: string }): ConfigDocument {
  const { value } = main;
  if (!isSet(value) || !Object.hasOwn(value, 'include')) return main;
  const { include, ...own } = value;
  const problems: ConfigProblem[] = [...main.problems];
  const complain = (message: string): void => {
    problems.push({ path: 'include', message, ...main.locate(['include']) });
  };
  const parts = readFolder(include, folder, complain);
  const pools = new Map<string, Piece>();
  const routes: Piece[] = [];
  for (const part of [undefined, ...parts]) {
    const { document, file } = part ?? { document: main, file: undefined };
    const tell = (path: readonly PropertyKey[], message: string): void => {
      const place = { ...document.locate(path), ...(file !== undefined && { file }) };
      problems.push({ path: path.map(String).join('.'), message, ...place });
    };
    if (part !== undefined)
      for (const problem of document.problems) problems.push({ ...problem, file: part.file });
    // An empty file says nothing; one that is no YAML has said so.
    if (document.value === undefined || document.value === null) continue;
    if (!isSet(document.value)) {
      tell([], `must be a set of keys and values, not ${kindOf(document.value)}. Write pools and routes.`);
      continue;
    }
    for (const key of part === undefined ? [] : Object.keys(document.value))
      if (!SECTIONS.some((section) => section === key))
        tell([key], 'is for the main file. An included file holds pools and routes alone.');
    const { pools: somePools, routes: someRoutes } = document.value;
    if (isSet(somePools)) {
      for (const [name, pool] of Object.entries(somePools)) {
        const other = pools.get(name);
        if (other !== undefined)
          tell(
            ['pools', name],
            `is in ${other.part?.file ?? 'the main file'} already. Give one another name.`,
          );
        else pools.set(name, { part, path: ['pools', name], value: pool });
      }
    } else if (somePools !== undefined) tell(['pools'], `must be a set of pools, not ${kindOf(somePools)}.`);
    if (Array.isArray(someRoutes)) {
      someRoutes.forEach((route, at) => routes.push({ part, path: ['routes', at], value: route }));
    } else if (someRoutes !== undefined) tell(['routes'], `must be a list, not ${kindOf(someRoutes)}.`);
  }
  return {
    value: {
      ...own,
      pools: Object.fromEntries([...pools].map(([name, piece]) => [name, piece.value])),
      routes: routes.map((piece) => piece.value),
    },
    problems,
    locate(path) {
      const [section, key, ...rest] = path;
      const piece =
        section === 'pools' ? pools.get(String(key)) : section === 'routes' ? routes[Number(key)] : undefined;
      // Messages count routes through all files; the main file's come first.
      if (piece?.part === undefined) return main.locate(path);
      const { file, document } = piece.part;
      const place: TextPlace = document.locate([...piece.path, ...rest]) ?? { line: 1, column: 1 };
      return { ...place, file };
    },
  };
}

/** The files of the folder in the order of their names, parsed. */
function readFolder(named: unknown, folder: string, complain: (message: string) => void): Part[] {
  if (typeof named !== 'string' || named === '') {
    complain(`must be the path of a folder, not ${kindOf(named)}. Write include: conf.d.`);
    return [];
  }
  const path = resolve(folder, named);
  let names: string[];
  try {
    names = readdirSync(path)
      .filter((name) => /^[^.].*\.(?:ya?ml|json)$/.test(name))
      .sort();
  } catch (error) {
    complain(
      (error as NodeJS.ErrnoException).code === 'ENOTDIR'
        ? `names ${path}, which is a file. Name the folder that it is in.`
        : `names ${path}, ${reason(error)}`,
    );
    return [];
  }
  if (names.length > FILES_MAX) {
    complain(`names ${path}, which holds ${names.length} files; at most ${FILES_MAX} are read. Join some.`);
    return [];
  }
  const parts: Part[] = [];
  let bytesLeft = ALL_BYTES_MAX;
  for (const name of names) {
    const file = join(named, name);
    try {
      const content = readBounded(join(path, name), FILE_BYTES_MAX);
      bytesLeft -= content.length;
      if (bytesLeft < 0) {
        complain(
          `names ${path}, whose files have more than ${ALL_BYTES_MAX} bytes together. Split the site.`,
        );
        return parts;
      }
      parts.push({ file, document: parseText(content.toString('utf8')) });
    } catch (error) {
      complain(`names ${path} with ${name}, ${reason(error)}`);
    }
  }
  return parts;
}

function isSet(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}
