import { domainToASCII } from 'node:url';
import { z } from 'zod';
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

export interface Match {
  readonly hosts: readonly string[];
  readonly path: string;
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

/** `{ host, path }`; both may be left out. */
export const match: z.ZodType<Match> = z
  .strictObject({ host: hosts.optional(), path: pathPrefix.default('/') })
  .transform((read) => ({ hosts: read.host ?? [], path: read.path }));
