import { z } from 'zod';
import { toByteString } from '../../base/framed-key.js';
import type { EditText, EditVariable } from '../../proxy/edit-text.js';
import type { FieldEdits, RequestEdits } from '../../proxy/edits.js';
import { host as hostName, pathPrefix } from './match.js';
import { kindOf, oneOf } from './messages.js';
import { nested } from './nested.js';
import { reads, Wrong } from './values.js';

const FIELDS_MAX = 50;
const TEXT_CHARS_MAX = 4096;
const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const VARIABLES = {
  client: true,
  host: true,
  hostName: true,
  scheme: true,
  method: true,
  target: true,
  requestId: true,
  route: true,
  upstream: true,
} satisfies Record<EditVariable, true>;

/** Fields that frame a message, or that the gateway writes itself: an edit would be undone, or undo. */
const OURS: Readonly<Record<string, string>> = {
  connection: 'belongs to each connection (RFC 9110 §7.6.1)',
  'content-length': 'frames the body',
  'transfer-encoding': 'frames the body',
  'keep-alive': 'belongs to each connection',
  'proxy-connection': 'belongs to each connection',
  te: 'belongs to each connection',
  trailer: 'belongs to each connection',
  upgrade: 'belongs to each connection',
  host: 'is set by hostHeader',
  'x-forwarded-for': 'is written by the gateway',
  'x-forwarded-host': 'is written by the gateway',
  'x-forwarded-proto': 'is written by the gateway',
  'x-forwarded-prefix': 'is written by the gateway',
  'x-real-ip': 'is written by the gateway',
  'x-request-id': 'is written by the gateway',
  'x-affinity-moved': 'is written by the gateway',
  'x-client-cert-subject': 'is written by the gateway',
  'x-upstream': 'is written by expose',
  'x-affinity': 'is written by expose',
};

/** `{name}` stands for what is known of the request; `{{` is a plain brace. */
export function readEditText(value: unknown, isLine: boolean): EditText | Wrong {
  const written = typeof value === 'number' ? String(value) : value;
  if (typeof written !== 'string') return new Wrong(`must be text, not ${kindOf(value)}.`);
  if (written.length > TEXT_CHARS_MAX) return new Wrong(`has more than ${TEXT_CHARS_MAX} characters.`);
  const text = toByteString(written);
  if (isLine && /[\x00-\x08\x0a-\x1f\x7f]/.test(text))
    return new Wrong('has a line end or another control character, which no field can hold. Remove it.');
  const texts = [''];
  const variables: EditVariable[] = [];
  let from = 0;
  for (const match of text.matchAll(/\{\{|\{([^{}]{0,64})\}/g)) {
    texts[texts.length - 1] += text.slice(from, match.index);
    from = match.index + match[0].length;
    const name = match[1];
    if (name === undefined) texts[texts.length - 1] += '{';
    else if (Object.hasOwn(VARIABLES, name)) {
      variables.push(name as EditVariable);
      texts.push('');
    } else
      return new Wrong(
        `has {${name}}, which stands for nothing. Write ${oneOf(Object.keys(VARIABLES).map((each) => `{${each}}`))}, or {{ for a plain brace.`,
      );
  }
  texts[texts.length - 1] += text.slice(from);
  return { texts, variables };
}

const editText = reads((value) => readEditText(value, true));

const name = reads((value): string | Wrong => {
  if (typeof value !== 'string' || !TOKEN.test(value))
    return new Wrong('is not the name of a field. Write one like x-tenant.');
  const why = OURS[value.toLowerCase()];
  return why === undefined ? value : new Wrong(`can't be edited: it ${why}.`);
});

const lines: z.ZodType<FieldEdits['lines']> = z.unknown().transform((value, context) => {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    context.addIssue({ code: 'custom', message: `must be a set of names and values, not ${kindOf(value)}.` });
    return z.NEVER;
  }
  const entries = Object.entries(value);
  if (entries.length > FIELDS_MAX)
    context.addIssue({
      code: 'custom',
      message: `has ${entries.length} fields; at most ${FIELDS_MAX} can be edited.`,
    });
  return entries.slice(0, FIELDS_MAX).flatMap(([field, written]) => {
    const read = nested(name, field, context, [field]);
    const text = nested(editText, written, context, [field]);
    return read === undefined || text === undefined ? [] : [{ name: read, value: text }];
  });
});

const names: z.ZodType<readonly string[]> = z.unknown().transform((value, context) => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value];
  if (list.length > FIELDS_MAX)
    context.addIssue({
      code: 'custom',
      message: `has ${list.length} names; at most ${FIELDS_MAX} can be removed.`,
    });
  return list
    .slice(0, FIELDS_MAX)
    .map((item, at) => nested(name, item, context, Array.isArray(value) ? [at] : []))
    .filter((item) => item !== undefined);
});

/** `{ set, add, remove }`: `request:` and `answer:` of a route. */
export const fieldEdits: z.ZodType<FieldEdits> = z
  .strictObject({ set: lines.optional(), add: lines.optional(), remove: names.optional() })
  .transform(({ set = [], add = [], remove = [] }) => ({
    remove: new Set([...remove, ...set.map((line) => line.name)].map((each) => each.toLowerCase())),
    lines: [...set, ...add],
  }));

const plainPath = reads((value): string | Wrong =>
  typeof value === 'string' && /^\/[\x21\x22\x24-\x3e\x40-\x7e]*$/.test(value)
    ? value
    : new Wrong('is not a path. Write one that begins with a slash and has no query, such as /index.html.'),
);

export const stripPrefix = pathPrefix;

/** `{ prefix: /v2 }` in place of the path that the route matches, or `{ path: /index.html }` for any. */
export const rewrite = z
  .strictObject({ prefix: pathPrefix.optional(), path: plainPath.optional() })
  .transform((read, context) => {
    if ((read.prefix === undefined) === (read.path === undefined))
      context.addIssue({
        code: 'custom',
        message:
          'needs one of prefix and path. Write rewrite: { prefix: /v2 } or rewrite: { path: /index.html }.',
      });
    return read;
  });

export const hostHeader = reads((value): RequestEdits['host'] | 'keep' | Wrong => {
  if (value === 'keep') return value;
  if (value === 'upstream') return { isUpstreams: true };
  const [, named = '', port = ''] =
    typeof value === 'string' ? (/^(.*?)(:\d{1,5})?$/s.exec(value) ?? []) : [];
  const read = hostName.safeParse(named);
  return read.success && !read.data.startsWith('*')
    ? read.data + port
    : new Wrong(
        'must be keep, upstream or a host name. Write hostHeader: upstream, or hostHeader: app.internal.',
      );
});

export interface WrittenEdits {
  readonly stripPrefix?: string | undefined;
  readonly rewrite?: z.output<typeof rewrite> | undefined;
  readonly hostHeader?: RequestEdits['host'] | 'keep' | undefined;
  readonly request?: FieldEdits | undefined;
}

/** What a route changes of its requests; undefined: nothing. `path`: the one that it matches. */
export function requestEdits(
  { stripPrefix: strip, rewrite: rewritten, hostHeader: host, request }: WrittenEdits,
  path: string,
): RequestEdits | undefined {
  if (strip === undefined && rewritten === undefined && (host ?? 'keep') === 'keep' && request === undefined)
    return undefined;
  const from = strip ?? path;
  const to = rewritten?.prefix ?? (strip === undefined ? undefined : '/');
  const plain = (prefix: string): string => (prefix === '/' ? '' : prefix);
  return {
    prefix: to === undefined ? undefined : { from: plain(from), to: plain(to) },
    path: rewritten?.path,
    host: host === 'keep' ? undefined : host,
    fields: request,
  };
}
