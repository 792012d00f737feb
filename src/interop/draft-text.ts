import { stringify } from 'yaml';
import type { DraftRoute } from './draft-route.js';
import { noteLine, type Note } from './report.js';

/** A part of the configuration to be, and where in the other file it comes from. */
export interface DraftPart {
  readonly value: object;
  readonly at: string | undefined;
}

export interface DraftParts {
  /** Each with keys of the gateway as a whole, or of the short form. */
  readonly settings: readonly DraftPart[];
  /** Each with the name of one pool. */
  readonly pools: readonly DraftPart[];
  readonly routes: readonly (DraftPart & { readonly route: DraftRoute })[];
}

/** All parts, as if everything were accepted. */
export function wholeValue({ settings, pools, routes }: DraftParts): object {
  return {
    ...Object.assign({}, ...settings.map(({ value }) => value)),
    ...(pools.length > 0 && { pools: Object.assign({}, ...pools.map(({ value }) => value)) as object }),
    ...(routes.length > 0 && { routes: routes.map(({ value }) => value) }),
  } as object;
}

/** Our YAML: each note is a comment before the part that it is about, and so is a route that opens a door. */
export function draftText(
  header: string,
  parts: DraftParts,
  doors: ReadonlyMap<DraftRoute, readonly string[]>,
  notes: readonly Note[],
  accept: boolean,
): string {
  const { settings, pools, routes } = parts;
  const comments = new Comments([...settings, ...pools, ...routes], notes);
  const yaml = (value: unknown): string[] =>
    stringify(value, { lineWidth: 0, aliasDuplicateObjects: false }).replace(/\n$/, '').split('\n');
  const indented = (lines: readonly string[]): string[] =>
    lines.map((line) => (line === '' ? '' : `  ${line}`));
  const lines: string[] = [...comments.before(undefined)];
  const add = (some: readonly string[]): void => {
    for (const line of some) lines.push(line);
  };
  for (const part of settings) add([...comments.before(part), ...yaml(part.value)]);
  if (pools.length > 0) lines.push('pools:');
  for (const part of pools) add(indented([...comments.before(part), ...yaml(part.value)]));
  if (routes.length > 0) lines.push('routes:');
  for (const part of routes) {
    const why = doors.get(part.route);
    const own = comments.before(part, why);
    const item = yaml([part.value]);
    const isShut = why !== undefined && !accept;
    if (isShut)
      own.push('# Commented out until you have looked at it: take the # away, or import with --accept.');
    add(indented([...own, ...(isShut ? item.map((line) => `# ${line}`) : item)]));
  }
  return `${header}${lines.map((line) => `${line}\n`).join('')}`;
}

/** Which notes stand before which part: the last one that begins before them in the same file. */
class Comments {
  readonly #byPart = new Map<DraftPart | undefined, string[]>();

  constructor(parts: readonly DraftPart[], notes: readonly Note[]) {
    const places = new Map<string, { readonly line: number; readonly part: DraftPart }[]>();
    for (const part of parts) {
      const place = placeOf(part.at ?? '');
      if (place === undefined) continue;
      const own = places.get(place.file);
      if (own === undefined) places.set(place.file, [{ line: place.line, part }]);
      else own.push({ line: place.line, part });
    }
    for (const own of places.values()) own.sort((a, b) => a.line - b.line);
    for (const note of notes) {
      const place = placeOf(note.at);
      const part = place === undefined ? undefined : lastBefore(places.get(place.file) ?? [], place.line);
      const lines = this.#byPart.get(part);
      if (lines === undefined) this.#byPart.set(part, [noteLine(note)]);
      else lines.push(noteLine(note));
    }
  }

  /** As comments; `more` are told too. */
  before(part: DraftPart | undefined, more: readonly string[] = []): string[] {
    return [...new Set([...more, ...(this.#byPart.get(part) ?? [])])].map((line) => `# ${line}`);
  }
}

function lastBefore(
  places: readonly { readonly line: number; readonly part: DraftPart }[],
  line: number,
): DraftPart | undefined {
  let low = 0;
  let high = places.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (places[middle]!.line <= line) low = middle + 1;
    else high = middle;
  }
  return places[low - 1]?.part;
}

/** `nginx.conf:12` → the file and the line. */
function placeOf(at: string): { readonly file: string; readonly line: number } | undefined {
  const colon = at.lastIndexOf(':');
  const line = Number(at.slice(colon + 1));
  return colon > 0 && Number.isInteger(line) ? { file: at.slice(0, colon), line } : undefined;
}
