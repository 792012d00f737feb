import { z } from 'zod';
import type { HealthConfig, JsonScalar } from './config.js';
import { HEALTH_BOUNDS, PROBE_EVERY_DEFAULT_MS } from './health-bounds.js';
import { kindOf, oneOf } from './messages.js';
import { duration, flag, reads, share, wholeNumberValue, Wrong } from './values.js';

const METHODS = ['GET', 'HEAD', 'OPTIONS', 'POST'];
const ENTRIES_MAX = 20;
const TEXT_CHARS_MAX = 1024;
const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const STATUS_FORM = 'Write a status (200), a class (2xx), a range (200-399), or a list of these.';
/** Fields that a probe writes by itself. */
const OURS = new Set([
  'host',
  'connection',
  'content-length',
  'transfer-encoding',
  'upgrade',
  'te',
  'keep-alive',
]);

/** Two slashes, or a backslash, would make a URL of another host of it. */
const probePath = reads((value): string | Wrong =>
  typeof value === 'string' && /^\/(?!\/)[\x21\x22\x24-\x5b\x5d-\x7e]*$/.test(value)
    ? value
    : new Wrong('is not a path. Write one that begins with a slash, such as /healthz.'),
);

/** A gRPC service by its full name; empty: the server as a whole. */
const grpcService = reads((value): string | Wrong =>
  typeof value === 'string' && /^[A-Za-z0-9_./-]{0,120}$/.test(value)
    ? value
    : new Wrong(
        'is not the name of a gRPC service. Write one such as shop.Cart, or "" for the whole server.',
      ),
);

const method = reads((value): string | Wrong =>
  typeof value === 'string' && METHODS.includes(value)
    ? value
    : new Wrong(`is not a method for a probe. Write ${oneOf(METHODS)}.`),
);

const probeHost = reads((value): string | Wrong =>
  typeof value === 'string' && /^(?:[A-Za-z0-9._-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?$/.test(value)
    ? value
    : new Wrong('is not a host. Write one such as app.example.org.'),
);

const headers = reads((value): Readonly<Record<string, string>> | Wrong => {
  const entries = entriesOf(value);
  if (entries === undefined) return new Wrong('must be names and texts. Write headers: { x-probe: "1" }.');
  const read = new Map<string, string>();
  for (const [written, text] of entries) {
    const name = written.toLowerCase();
    if (!FIELD_NAME.test(name))
      return new Wrong('has a name that no field can have. Write one like x-probe.');
    if (OURS.has(name))
      return new Wrong(
        `has ${name}, which ${name === 'host' ? 'is set by host' : 'the probe writes itself'}. Leave it out.`,
      );
    const line = typeof text === 'number' ? String(text) : text;
    if (typeof line !== 'string' || line.length > TEXT_CHARS_MAX || !/^[\t\x20-\x7e]*$/.test(line))
      return new Wrong(`has no text for ${name} that a field can hold. Write visible ASCII on one line.`);
    if (read.has(name)) return new Wrong(`has ${name} twice. Leave one of them out.`);
    read.set(name, line.trim());
  }
  return Object.fromEntries(read);
});

const statuses = reads((value): readonly (readonly [number, number])[] | Wrong => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length === 0 || list.length > ENTRIES_MAX) return new Wrong(`names no statuses. ${STATUS_FORM}`);
  const ranges = list.map(statusRange);
  return ranges.every((range) => range !== undefined)
    ? ranges
    : new Wrong(`is not what statuses are well. ${STATUS_FORM}`);
});

function statusRange(value: unknown): readonly [number, number] | undefined {
  const match = /^([1-5])(?:xx|(\d\d)(?:-([1-5]\d\d))?)$/i.exec(
    typeof value === 'number' || typeof value === 'string' ? String(value) : '',
  );
  if (match === null) return undefined;
  const [, hundreds, rest, end] = match;
  if (rest === undefined) return [Number(`${hundreds}00`), Number(`${hundreds}99`)];
  const from = Number(`${hundreds}${rest}`);
  const to = end === undefined ? from : Number(end);
  return from < 200 || to < from ? undefined : [from, to];
}

const contains = reads((value): string | Wrong => {
  const text = typeof value === 'number' ? String(value) : value;
  return typeof text === 'string' && text !== '' && text.length <= TEXT_CHARS_MAX
    ? text
    : new Wrong(`is not a text to look for. Write up to ${TEXT_CHARS_MAX} characters, such as ok.`);
});

const json = reads((value): Readonly<Record<string, JsonScalar>> | Wrong => {
  const entries = entriesOf(value);
  if (entries === undefined) return new Wrong('must be members and values. Write json: { status: ok }.');
  const wrong = entries.find(([, wanted]) => typeof wanted === 'object' && wanted !== null);
  if (wrong === undefined) return Object.fromEntries(entries) as Record<string, JsonScalar>;
  return new Wrong(
    `has ${kindOf(wrong[1])} for a member. Write a text, a number, true, false or null; a dot leads into an object: db.status.`,
  );
});

function entriesOf(value: unknown): [string, unknown][] | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined;
  const entries = Object.entries(value);
  return entries.length >= 1 && entries.length <= ENTRIES_MAX ? entries : undefined;
}

const before = reads((value): 'probe' | Wrong =>
  value === 'probe' ? value : new Wrong('takes probe alone: a first probe before the first user.'),
);

const shape = z.strictObject({
  path: probePath.optional(),
  grpc: grpcService.optional(),
  tcp: flag.optional(),
  method: method.optional(),
  host: probeHost.optional(),
  headers: headers.optional(),
  port: wholeNumberValue({ min: 1, max: 65535 }).optional(),
  status: statuses.optional(),
  body: z.strictObject({ contains }).optional(),
  json: json.optional(),
  every: duration(HEALTH_BOUNDS.every).default(PROBE_EVERY_DEFAULT_MS),
  timeout: duration(HEALTH_BOUNDS.timeout).optional(),
  jitter: share.default(0.1),
  healthyAfter: wholeNumberValue(HEALTH_BOUNDS.healthyAfter).default(2),
  unhealthyAfter: wholeNumberValue(HEALTH_BOUNDS.unhealthyAfter).default(3),
  before: before.optional(),
});

type Written = z.output<typeof shape>;

/** What each way to ask leaves no place for. */
const FOREIGN = {
  tcp: ['method', 'host', 'headers', 'status', 'body', 'json'],
  grpc: ['method', 'status', 'body', 'json'],
} as const satisfies Readonly<Record<string, readonly (keyof Written)[]>>;

/** `health:` of a pool. */
export const health: z.ZodType<HealthConfig> = shape.transform((read, context) => {
  const { path, grpc, every, timeout, healthyAfter, unhealthyAfter } = read;
  const issue = (at: keyof Written, message: string): void =>
    context.addIssue({ code: 'custom', path: [at], message });
  const tcp = read.tcp === true;
  const ways = [path, grpc].filter((way) => way !== undefined).length + (tcp ? 1 : 0);
  if (ways === 0)
    issue(
      'path',
      'is missing. Write path: /healthz, or tcp: true, or grpc: "" for the health service of gRPC.',
    );
  if (ways > 1)
    issue(
      path === undefined ? 'grpc' : 'path',
      `contradicts ${tcp ? 'tcp' : 'grpc'}: a probe asks one thing. Leave one of them out.`,
    );
  if (ways === 1 && path === undefined)
    for (const key of FOREIGN[tcp ? 'tcp' : 'grpc'])
      if (read[key] !== undefined)
        issue(key, `is for path: it has no meaning with ${tcp ? 'tcp' : 'grpc'}. Leave it out.`);
  if (read.body !== undefined && read.json !== undefined)
    issue('body', 'contradicts json: a probe looks for one of them. Leave one of them out.');
  if (read.method === 'HEAD' && (read.body ?? read.json) !== undefined)
    issue('method', 'contradicts what is wanted of the body: an answer to HEAD has none. Write GET.');
  // A probe that outlives its turn would overlap the next, and its verdict would come late.
  if (timeout !== undefined && timeout > every)
    issue('timeout', 'must not be above every. Write a shorter timeout, or a longer every.');
  return {
    path,
    grpc,
    everyMs: every,
    timeoutMs: timeout ?? Math.min(every, 1000),
    healthyAfter,
    unhealthyAfter,
    tcp: tcp ? true : undefined,
    method: read.method,
    host: read.host,
    headers: read.headers,
    port: read.port,
    statuses: read.status,
    contains: read.body?.contains,
    json: read.json,
    jitter: read.jitter,
    before: read.before,
  };
});
