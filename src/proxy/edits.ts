import { filledIn, type EditFacts, type EditText } from './edit-text.js';
import type { RequestHead } from './http1/request-head.js';

/** How the field lines of a head are changed: some are taken out, then some are written behind the rest. */
export interface FieldEdits {
  /** In lower case. What is set is here too. */
  readonly remove: ReadonlySet<string>;
  readonly lines: readonly { readonly name: string; readonly value: EditText }[];
}

/** How a request is changed for the upstreams of a route. Rules and the log see the request as it came. */
export interface RequestEdits {
  /** The target's beginning that goes, and what comes in its place: whole segments, no slash at the end. */
  readonly prefix: { readonly from: string; readonly to: string } | undefined;
  /** The whole path, in place of the one that came; the query stays. */
  readonly path: string | undefined;
  /** A name, or that of the upstream's URL; undefined: as it came. */
  readonly host: string | { readonly isUpstreams: true } | undefined;
  readonly fields: FieldEdits | undefined;
}

const ONLY_HOST: ReadonlySet<string> = new Set(['host']);

/**
 * Sets what `head` asks the upstream for, and answers the field lines to send. `authority` is that of the
 * upstream's URL.
 */
export function editRequest(
  edits: RequestEdits,
  head: RequestHead,
  lines: string,
  authority: string,
  facts: EditFacts,
): string {
  const { prefix, path, host, fields } = edits;
  let edited = lines;
  if (path !== undefined) head.sentTarget = path + queryOf(head.target);
  else if (prefix !== undefined && isUnder(head.target, prefix.from)) {
    const rest = head.target.slice(prefix.from.length);
    head.sentTarget = `${prefix.to}${rest.startsWith('/') || prefix.to !== '' ? rest : `/${rest}`}`;
    if (prefix.from !== '') edited += `X-Forwarded-Prefix: ${prefix.from}\r\n`;
  }
  if (host !== undefined) {
    head.sentHost = typeof host === 'string' ? host : authority;
    head.hasHostLine = false;
    edited = withoutFields(edited, ONLY_HOST);
  }
  return fields === undefined ? edited : editFields(fields, edited, facts);
}

export function editFields({ remove, lines }: FieldEdits, all: string, facts: EditFacts): string {
  let edited = withoutFields(all, remove);
  for (const { name, value } of lines) edited += `${name}: ${filledIn(value, facts)}\r\n`;
  return edited;
}

/** The lines were checked when they were parsed: each ends in CRLF, and neither stands in a value. */
function withoutFields(lines: string, names: ReadonlySet<string>): string {
  if (names.size === 0) return lines;
  let kept = '';
  let from = 0;
  for (let start = 0; start < lines.length;) {
    const end = lines.indexOf('\r\n', start) + 2;
    const name = lines.slice(start, lines.indexOf(':', start));
    if (names.has(name.toLowerCase())) {
      kept += lines.slice(from, start);
      from = end;
    }
    start = end;
  }
  return kept + lines.slice(from);
}

/** `/api`, `/api/x` and `/api?q` are under `/api`; `/apix` is not. Everything is under the empty prefix. */
function isUnder(target: string, prefix: string): boolean {
  if (!target.startsWith('/') || !target.startsWith(prefix)) return false;
  const next = target[prefix.length];
  return next === undefined || next === '/' || next === '?';
}

function queryOf(target: string): string {
  const mark = target.indexOf('?');
  return mark === -1 ? '' : target.slice(mark);
}
