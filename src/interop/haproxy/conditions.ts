import { host as hostSchema, pathPrefix } from '../../control/config/match.js';
import type { Report } from '../report.js';
import type { Line } from './sections.js';

/** What a condition asks of a request, as our routes can ask it. */
export interface Asked {
  /** Undefined: no matter. */
  readonly hosts?: readonly string[];
  readonly paths?: readonly string[];
}

export type Acls = ReadonlyMap<string, readonly Line[]>;

/** The alternatives of `if A B || C`, each the hosts and paths that it asks for; or why we can't ask that. */
export function conditions(
  words: readonly string[],
  acls: Acls,
  at: string,
  report: Report,
): readonly Asked[] | string {
  const [word, ...rest] = words;
  if (word === undefined) return [{}];
  if (word !== 'if') return `${word} is the contrary of a route.`;
  const alternatives: Asked[] = [];
  for (const terms of alternativesOf(rest)) {
    let asked: Asked = {};
    for (const term of terms) {
      report.spend(1 + (typeof term === 'string' ? (acls.get(term)?.length ?? 0) : term.length) * 10);
      const found = Array.isArray(term) ? criterion(term, at, report) : named(term as string, acls, report);
      if (typeof found === 'string') return found;
      if ((found.hosts && asked.hosts) || (found.paths && asked.paths))
        return 'it asks two things of the host or of the path.';
      asked = { ...asked, ...found };
    }
    alternatives.push(asked);
  }
  return alternatives;
}

/** `a b || { path /x }` → [[a, b], [[path, /x]]] */
export function alternativesOf(words: readonly string[]): (string | string[])[][] {
  const alternatives: (string | string[])[][] = [[]];
  let inline: string[] | undefined;
  for (const word of words) {
    if (word === '||' || word === 'or') alternatives.push([]);
    else if (word === '{') inline = [];
    else if (word === '}' && inline !== undefined) {
      alternatives.at(-1)!.push(inline);
      inline = undefined;
    } else if (inline !== undefined) inline.push(word);
    else alternatives.at(-1)!.push(word);
  }
  return alternatives;
}

/** A named ACL is the union of all lines with its name. */
function named(name: string, acls: Acls, report: Report): Asked | string {
  if (name.startsWith('!')) return `${name} is the contrary of a route.`;
  const lines = acls.get(name);
  if (lines === undefined) return `the ACL ${name} is not defined here.`;
  const all = lines.map(({ words, at }) => criterion(words.slice(2), at, report));
  const wrong = all.find((each) => typeof each === 'string');
  if (wrong !== undefined) return wrong as string;
  const asked = all as Asked[];
  const hosts = asked.flatMap((each) => each.hosts ?? []);
  const paths = asked.flatMap((each) => each.paths ?? []);
  if (hosts.length > 0 && paths.length > 0) return `the ACL ${name} asks for hosts or paths.`;
  // `path /api` and `path_beg /api/` together are one path of ours.
  return hosts.length > 0 ? { hosts } : { paths: [...new Set(paths)] };
}

function criterion([fetch = '', ...rest]: readonly string[], at: string, report: Report): Asked | string {
  let method: string | undefined;
  const values: string[] = [];
  for (let index = 0; index < rest.length; index++) {
    if (rest[index] === '-m') method = rest[++index];
    else if (rest[index] === '-f' || rest[index] === '-M') return `${fetch} reads its patterns from a file.`;
    else if (rest[index] !== '-i' && rest[index] !== '--' && rest[index] !== '-n') values.push(rest[index]!);
  }
  const isHost =
    /^(?:(?:req\.)?f?hdr|hdr)(_end|_dom|_beg|_sub|_reg)?\(host(?:,-?\d+)?\)((?:,(?:lower|host_only|field\(1,:\)))*)$/.exec(
      fetch,
    );
  if (isHost !== null) return hostAsked(isHost[1]?.slice(1) ?? method ?? 'str', values, fetch);
  const isPath = /^path(_beg|_dir|_end|_reg|_sub|_len)?((?:,lower)?(?:,concat\(\/\))?)$/.exec(fetch);
  if (isPath === null) return `${fetch} is neither the host nor the path.`;
  const how = isPath[1]?.slice(1) ?? method ?? 'str';
  if (how !== 'beg' && how !== 'dir' && how !== 'str') return `${fetch} is no prefix of the path.`;
  const isExact = isPath[2]!.includes('concat');
  const paths: string[] = [];
  for (const value of values) {
    const read = pathPrefix.safeParse(value);
    if (!read.success) return `${value} can't be a path here.`;
    const isWhole = value.endsWith('/') && value !== '/';
    if (how === 'str' && !isExact) report.say(at, `path ${value} covers all below it here, too.`);
    else if (how === 'beg' && !isWhole && value !== '/')
      report.say(at, `path_beg ${value} covers whole segments here: ${value}/x, not ${value}x.`);
    else if (how === 'beg' && isWhole && !isExact)
      report.say(at, `path_beg ${value} covers ${read.data} itself here, too.`);
    paths.push(read.data);
  }
  return { paths };
}

function hostAsked(how: string, values: readonly string[], fetch: string): Asked | string {
  if (how !== 'str' && how !== 'end') return `${fetch} with ${how} is no host name.`;
  const hosts: string[] = [];
  for (const value of values) {
    const name = how === 'end' ? `*${value}` : value.replace(/:\d+$/, '');
    const read = hostSchema.safeParse(name);
    if (!read.success || (how === 'end' && !value.startsWith('.')))
      return `${value} is no host name, nor *. and one.`;
    hosts.push(read.data);
  }
  return { hosts };
}
