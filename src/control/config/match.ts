import { domainToASCII } from 'node:url';
import { z } from 'zod';
import { toByteString } from '../../base/framed-key.js';
import type { Demand, DemandedValue } from '../route-table.js';
import { kindOf } from './messages.js';
import { nested } from './nested.js';
import { reads, Wrong } from './values.js';

const LABEL = '[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?';
const HOST = new RegExp(`^(?:\\*\\.)?${LABEL}(?:\\.${LABEL})*$`);
const IPV6 = /^\[[0-9a-f:.]+\]$/;

/** A host name in lower case, `*.example.org`, or an address; no port. */
export const host = reads((value): string | Wrong => {
  if (typeof value !== 'string')
    return new Wrong(`must be a host name, not ${kindOf(value)}. Write host: example.org.`);
  const name = value.toLowerCase();
  if (name.length <= 253 && (HOST.test(name) || IPV6.test(name))) return name;
  if (name === '*') return new Wrong('matches any host; that is written by leaving host out.');
  if (name.includes('://')) return new Wrong('is a URL. Write only its host name: host: example.org.');
  if (/^[^:]+:\d+$/.test(name))
    return new Wrong(`has a port. Routes match by name alone: write ${name.slice(0, name.indexOf(':'))}.`);
  if (name.includes('*'))
    return new Wrong('has a * where none can be. Write it first, as a whole label: *.example.org.');
  const ascii = domainToASCII(name);
  if (/[^\x00-\x7f]/.test(name) && HOST.test(ascii))
    return new Wrong(`must be in ASCII, as browsers send it. Write ${ascii}.`);
  return new Wrong('is not a host name. Write one like example.org or *.example.org.');
});

/** A path prefix by whole segments, without a slash at its end (but `/` alone). */
export const pathPrefix = reads((value): string | Wrong => {
  if (typeof value !== 'string') return new Wrong(`must be a path, not ${kindOf(value)}. Write path: /api.`);
  if (!value.startsWith('/'))
    return new Wrong(
      `must begin with a slash. Write path: /${/^[\w./-]{1,64}$/.test(value) ? value : 'api'}.`,
    );
  if (/[?#]/.test(value))
    return new Wrong('has a query or fragment. Routes match by path alone: leave out all from the ? or #.');
  if (value.includes('*'))
    return new Wrong('has a *. A path is a prefix already: /api matches /api and /api/users.');
  if (/[^\x21-\x7e]/.test(value))
    return new Wrong(
      'has a space or a character that a path can only hold percent-encoded. Write it as it is sent: %20 for a space.',
    );
  if (value.includes('//') || /(?:^|\/)\.\.?(?:\/|$)/.test(value))
    return new Wrong('has an empty, . or .. segment, which would never match. Write the plain path.');
  return value === '/' ? '/' : value.replace(/\/$/, '');
});

/** What a request must have, beside its host and path. */
const METHOD = /^[A-Z][A-Z_-]{0,31}$/;
const VALUE_CHARS_MAX = 4096;
const VALUES_MAX = 100;

function oneOrMany<T>(entry: z.ZodType<T>, example: string): z.ZodType<readonly T[]> {
  return z.unknown().transform((value, context) => {
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    if (list.length === 0 || list.length > VALUES_MAX) {
      context.addIssue({
        code: 'custom',
        message: `must have 1 to ${VALUES_MAX} entries. Write ${example}.`,
      });
      return z.NEVER;
    }
    const read = list.map((item, at) => nested(entry, item, context, Array.isArray(value) ? [at] : []));
    return [...new Set(read.filter((item) => item !== undefined))];
  });
}

const method = reads((value): string | Wrong =>
  typeof value === 'string' && METHOD.test(value)
    ? value
    : new Wrong('is not a method. Write it as requests do, in capitals: GET.'),
);

/** Text, as it is sent. Numbers and flags are what YAML makes of `2` and `true`. */
const matchedText = reads((value): string | Wrong => {
  const text = typeof value === 'number' ? String(value) : value;
  if (typeof text !== 'string')
    return new Wrong(`must be text, not ${kindOf(value)}. Put true and false in quotes to mean the words.`);
  return text.length <= VALUE_CHARS_MAX
    ? toByteString(text)
    : new Wrong(`has more than ${VALUE_CHARS_MAX} characters.`);
});

const wanted: z.ZodType<DemandedValue> = z.unknown().transform((value, context) => {
  if (typeof value === 'boolean') return value;
  return (
    nested(
      oneOrMany(matchedText, 'a value, a list of values, true (it is there) or false'),
      value,
      context,
    ) ?? z.NEVER
  );
});

/** `{ x-tenant: acme, x-beta: true }`: by name. */
function wantedByName(
  kind: 'header' | 'cookie' | 'query',
  nameOf: (name: string) => string | Wrong,
): z.ZodType<readonly Demand[]> {
  return z.unknown().transform((value, context) => {
    if (
      typeof value !== 'object' ||
      value === null ||
      Array.isArray(value) ||
      Object.keys(value).length === 0
    ) {
      context.addIssue({
        code: 'custom',
        message: `must be a set of names and values, not ${Array.isArray(value) || typeof value !== 'object' ? kindOf(value) : 'an empty one'}. Write ${kind}: { name: value }.`,
      });
      return z.NEVER;
    }
    return Object.entries(value).flatMap(([written, wants]): Demand[] => {
      const name = nameOf(written);
      if (name instanceof Wrong) {
        context.addIssue({ code: 'custom', path: [written], message: name.message });
        return [];
      }
      const read = nested(wanted, wants, context, [written]);
      return read === undefined ? [] : [{ kind, name, wants: read }];
    });
  });
}

const TOKEN = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;

function fieldName(name: string): string | Wrong {
  if (!TOKEN.test(name)) return new Wrong('is not the name of a field. Write one like x-tenant.');
  if (name.toLowerCase() === 'host')
    return new Wrong('stands beside header: write match: { host: example.org }.');
  if (name.toLowerCase() === 'cookie')
    return new Wrong('stands beside header: write match: { cookie: { name: value } }.');
  return name.toLowerCase();
}

function cookieName(name: string): string | Wrong {
  return TOKEN.test(name) ? name : new Wrong('is not the name of a cookie. Write one like beta.');
}

export interface Match {
  readonly hosts: readonly string[];
  readonly path: string;
  readonly demands: readonly Demand[];
}

const hosts: z.ZodType<readonly string[]> = z.unknown().transform((value, context) => {
  if (!Array.isArray(value)) {
    const one = nested(host, value, context);
    return one === undefined ? z.NEVER : [one];
  }
  const read = value.map((item, at) => nested(host, item, context, [at]));
  if (value.length === 0)
    context.addIssue({
      code: 'custom',
      message: 'is an empty list. Add a host, or leave host out to match any.',
    });
  return [...new Set(read.filter((name) => name !== undefined))];
});

/** `{ host, path, method, header, cookie, query }`; each may be left out. */
export const match: z.ZodType<Match> = z
  .strictObject({
    host: hosts.optional(),
    path: pathPrefix.default('/'),
    method: oneOrMany(method, 'method: [GET, HEAD]').optional(),
    header: wantedByName('header', fieldName).optional(),
    cookie: wantedByName('cookie', cookieName).optional(),
    query: wantedByName('query', (name) => name).optional(),
  })
  .transform((read) => ({
    hosts: read.host ?? [],
    path: read.path,
    demands: [
      ...(read.method === undefined ? [] : [{ kind: 'method' as const, oneOf: read.method }]),
      ...(read.header ?? []),
      ...(read.cookie ?? []),
      ...(read.query ?? []),
    ],
  }));
