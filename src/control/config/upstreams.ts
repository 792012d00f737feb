import { z } from 'zod';
import { MEMBERS_MAX } from '../../route/placement/members.js';
import type { Upstream } from '../../route/pool/upstream.js';
import { kindOf } from './messages.js';
import { nested } from './nested.js';
import { standing, standingOf } from './standing.js';
import { flag, reads, toNumber, wholeNumberValue, words, Wrong } from './values.js';

/**
 * What the cookie of an app (rule routeCookie) and the field x-upstream can carry. A colon first is IPv6;
 * brackets are those of `name[address]:port`, with a name of 253 characters.
 */
export const ID = /^[A-Za-z0-9:][\w.:[\]-]{0,319}$/;
const EXAMPLE = 'http://127.0.0.1:8001';
const WEIGHT_MAX = 1_000_000;
const URL_CHARACTERS_MAX = 2048;

const url = reads((value) => {
  if (typeof value !== 'string') return new Wrong(`must be a URL, not ${kindOf(value)}. Write ${EXAMPLE}.`);
  return readOrigin(value);
});

const weight = reads((value) => {
  const number = toNumber(value);
  if (number === undefined)
    return new Wrong(`must be a number above 0, not ${kindOf(value)}. Write weight: 1 or leave it out.`);
  const problem = weightProblem(number);
  return problem === undefined ? number : new Wrong(problem);
});

/** Said of a pool that has neither upstreams nor sources. */
export const NO_UPSTREAMS = `is missing. Write upstreams: { api-1: ${EXAMPLE} }.`;

/** What is wrong with a weight, as it follows its name in a message; undefined when nothing is. */
export function weightProblem(weight: number): string | undefined {
  if (typeof weight !== 'number' || Number.isNaN(weight) || weight <= 0)
    return `must be above 0, not ${String(weight)}. Write weight: 1 or leave it out.`;
  return weight <= WEIGHT_MAX
    ? undefined
    : `must be at most ${WEIGHT_MAX}, not ${weight}. Weights count relative to each other.`;
}

const details = {
  url,
  weight: weight.default(1),
  draining: flag.default(false),
  standing: standing.optional(),
  address: words('address: app1, as the other balancer writes it').optional(),
  haproxyId: wholeNumberValue({ min: 1, max: 2 ** 31 - 1 }).optional(),
  serverName: words('serverName: api.internal, the name in the certificate').optional(),
  incarnation: words('incarnation: a text that changes when the instance is replaced').optional(),
} satisfies Record<Exclude<keyof Upstream, 'id'>, z.ZodType>;
const detailed = z.strictObject(details);
const listed = z.strictObject({ id: words('id: api-1').optional(), ...details });
/** What holds of an upstream that is written as a URL alone. */
const UNSAID: Omit<z.infer<typeof listed>, 'url'> = listed.omit({ url: true }).parse({});

interface Entry {
  /** The key it stands under: an id, or a place in a list. */
  readonly key: string | number;
  readonly upstream: Upstream;
}

/**
 * `{ api-1: URL, api-2: { url, weight, draining } }`, or a list of the same without ids: then host and port
 * are the id.
 */
export const upstreams: z.ZodType<readonly Upstream[]> = z.unknown().transform((value, context) => {
  const complain = (path: PropertyKey[], message: string): void =>
    context.addIssue({ code: 'custom', path, message });
  const entries: Entry[] = [];
  if (value === undefined) complain([], NO_UPSTREAMS);
  else if (typeof value !== 'object' || value === null) {
    complain(
      [],
      `must be a set of ids and URLs, or a list of URLs, not ${kindOf(value)}. Write upstreams: { api-1: ${EXAMPLE} }.`,
    );
  } else {
    const isList = Array.isArray(value);
    const written = Object.entries(value);
    if (written.length === 0) complain([], `is empty. Add at least one upstream: api-1: ${EXAMPLE}.`);
    if (written.length > MEMBERS_MAX)
      complain(
        [],
        `has ${written.length} entries; a pool holds at most ${MEMBERS_MAX}. Split it into pools.`,
      );
    else for (const [name, entry] of written) readEntry(isList ? Number(name) : name, entry);
    repeats(entries, complain);
  }
  return entries.map((entry) => entry.upstream);

  function readEntry(key: string | number, entry: unknown): void {
    if (typeof key === 'string' && !ID.test(key)) complain([key], ID_FORM);
    const isObject = typeof entry === 'object' && entry !== null && !Array.isArray(entry);
    const read = isObject
      ? nested<z.infer<typeof listed>>(typeof key === 'number' ? listed : detailed, entry, context, [key])
      : nested(url, entry, context, [key], (origin) => ({ url: origin, ...UNSAID }));
    if (read === undefined) return;
    const id = typeof key === 'string' ? key : (read.id ?? hostAndPort(read.url));
    if (typeof key === 'number' && !ID.test(id)) complain([key, 'id'], ID_FORM);
    if (read.draining && read.standing !== undefined)
      complain(
        [key, 'draining'],
        'contradicts standing. Leave one of them out: draining: true is standing: leaving.',
      );
    const { id: _id, standing, ...rest } = read;
    entries.push({
      key,
      upstream: {
        id,
        ...said(rest),
        ...(standing !== undefined && { standing: standingOf(id, standing) }),
      },
    });
  }
});

/** Without the fields that nothing is said of. */
function said<T extends object>(fields: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== undefined)) as never;
}

const ID_FORM =
  'is not an id for an upstream. Use letters, digits and . _ - : with a letter or digit first, such as api-1.';

/** How other programs write that HTTP/2 is spoken to an upstream. */
const OF_HTTP2 = new Set(['h2c', 'h2', 'grpc', 'grpcs']);

/** A URL's origin, or why it can't be an upstream. Never shows the URL: it may hold a password. */
export function readOrigin(written: string): string | Wrong {
  if (written.length > URL_CHARACTERS_MAX)
    return new Wrong(
      `has ${written.length} characters, which no URL of an upstream has. Write one like ${EXAMPLE}.`,
    );
  if (!/^https?:\/\//i.test(written)) {
    const scheme = /^([a-z][a-z0-9+.-]*):\/\//i.exec(written)?.[1]?.toLowerCase();
    if (scheme === 'ws' || scheme === 'wss')
      return new Wrong(
        `has the scheme ${scheme}. Write ${scheme === 'ws' ? 'http' : 'https'}://…: WebSocket passes through it.`,
      );
    if (scheme !== undefined && OF_HTTP2.has(scheme))
      return new Wrong(
        `has the scheme ${scheme}. Write ${scheme === 'grpcs' ? 'https' : 'http'}://…, and http2: true in its pool (upstreamHttp2 in the short form).`,
      );
    if (scheme !== undefined)
      return new Wrong(`has the scheme ${scheme}. An upstream speaks http or https: write ${EXAMPLE}.`);
    const isAddress = /^(?:[A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]+\])(?::\d{1,5})?$/.test(written);
    return new Wrong(
      isAddress
        ? `is not a URL: the scheme is missing. Write http://${written}.`
        : `is not a URL. Write one like ${EXAMPLE}.`,
    );
  }
  // URL would take a backslash for a slash and drop tabs and line ends; what is meant then is anyone's guess.
  if (/[\s\\\u0000-\u001f]/.test(written))
    return new Wrong(
      `is not a URL: it holds a space, a backslash or a control character. Write one like ${EXAMPLE}.`,
    );
  if (/^https?:\/\/[^/?#]*@/i.test(written))
    return new Wrong(
      'holds a user name or password, which stickyroute would not send. Leave out all before the @.',
    );
  const port = /^https?:\/\/[^/?#]*?:(\d*)(?:[/?#]|$)/i.exec(written.replace(/\[[^[\]]*\]/, 'v6'))?.[1];
  if (port !== undefined && (port === '' || Number(port) < 1 || Number(port) > 65535)) {
    return new Wrong(
      `has ${port === '' ? 'no port after the colon' : `the port ${port}`}. Write one from 1 to 65535, such as ${EXAMPLE}.`,
    );
  }
  if (!URL.canParse(written)) return new Wrong(`is not a URL. Write one like ${EXAMPLE}.`);
  const parsed = new URL(written);
  if (parsed.pathname !== '/' || parsed.search !== '' || parsed.hash !== '' || /[?#]/.test(written)) {
    return new Wrong(`has a path, query or fragment. Requests keep their own: write only ${parsed.origin}.`);
  }
  return parsed.origin;
}

/**
 * `http://api:80` and `http://api` → `api:80`, `http://[::1]:80` → `::1:80`. It stays the same when the list
 * is sorted or shortened.
 */
export function hostAndPort(origin: string): string {
  const { hostname, port, protocol } = new URL(origin);
  return `${hostname.replace(/^\[|\]$/g, '')}:${port === '' ? (protocol === 'https:' ? '443' : '80') : port}`;
}

/** Two ids for one instance would count it twice, probe it twice, and split its users. */
function repeats(entries: readonly Entry[], complain: (path: PropertyKey[], message: string) => void): void {
  const byUrl = new Map<string, Entry>();
  const byId = new Map<string, Entry>();
  for (const entry of entries) {
    const { id, url: origin } = entry.upstream;
    const sameUrl = byUrl.get(origin);
    const sameId = byId.get(id);
    if (sameUrl !== undefined)
      complain(
        [entry.key],
        `has the URL of ${nameOf(sameUrl)}. Remove one of them; for more requests, raise its weight.`,
      );
    else if (sameId !== undefined)
      complain(
        [entry.key],
        `has the id ${id}, as ${nameOf(sameId)} has. Give each upstream an id of its own.`,
      );
    byUrl.set(origin, sameUrl ?? entry);
    byId.set(id, sameId ?? entry);
  }
}

function nameOf(entry: Entry): string {
  return typeof entry.key === 'string' ? entry.key : `entry ${entry.key + 1} of the list`;
}
