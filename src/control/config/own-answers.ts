import { z } from 'zod';
import { toByteString } from '../../base/framed-key.js';
import type { OwnAnswer } from '../../proxy/own-answer.js';
import { readEditText } from './edits.js';
import { kindOf } from './messages.js';
import { flag, reads, toNumber, wholeNumberValue, Wrong } from './values.js';

const BODY_CHARS_MAX = 64 * 1024;

/** 308 and 307 keep the method, which 301 and 302 may turn into GET (RFC 9110 §15.4). */
const REDIRECTS = [301, 302, 303, 307, 308];
const DEFAULT_REDIRECT = 308;

const redirectStatus = reads((value): number | Wrong => {
  const status = toNumber(value);
  return status !== undefined && REDIRECTS.includes(status)
    ? status
    : new Wrong(`must be ${REDIRECTS.join(', ')}. 308 is for good and 307 for now; both keep the method.`);
});

const location = reads((value) => {
  const text = readEditText(value, true);
  if (text instanceof Wrong) return text;
  const [start = ''] = text.texts;
  // A path that a client's own begins would lead to another host: `//evil.example` is a target, too.
  const isPath = start === '/' ? text.variables.length === 0 : /^\/[^/\\]/.test(start);
  const isHost = text.variables[0] === 'host' || text.variables[0] === 'hostName';
  if (isPath || /^https?:\/\/[^/\\]/i.test(start) || (/^https?:\/\/$/i.test(start) && isHost)) return text;
  return new Wrong('leads nowhere. Write to: "https://example.org{target}", or a path: to: /new.');
});

/** `redirect: { to }`, or `redirect: { https: true }` for requests that did not come by HTTPS. */
export const redirect = z
  .strictObject({
    https: flag.optional(),
    port: wholeNumberValue({ min: 1, max: 65535 }).optional(),
    to: location.optional(),
    status: redirectStatus.default(DEFAULT_REDIRECT),
  })
  .transform((read, context) => {
    if ((read.https === undefined) === (read.to === undefined))
      context.addIssue({
        code: 'custom',
        message:
          'needs one of https and to. Write redirect: { https: true } or redirect: { to: "https://example.org{target}" }.',
      });
    if (read.port !== undefined && read.https !== true)
      context.addIssue({
        code: 'custom',
        path: ['port'],
        message: 'goes with https: true. Write it into to instead.',
      });
    return read;
  });

export type Redirect = z.output<typeof redirect>;

const body = reads((value): string | Wrong => {
  if (typeof value !== 'string') return new Wrong(`must be text, not ${kindOf(value)}.`);
  return value.length <= BODY_CHARS_MAX
    ? toByteString(value)
    : new Wrong(`has more than ${BODY_CHARS_MAX} characters. Serve it from an upstream.`);
});

const type = reads((value): string | Wrong =>
  typeof value === 'string' &&
  /^[\w!#$&^.+-]+\/[\w!#$&^.+-]+(?:; ?[\w-]+=[\w.-]+)*$/.test(value) &&
  value.length <= 200
    ? value
    : new Wrong('is not a media type. Write one like text/html; charset=utf-8.'),
);

/** `respond: { status, body, type }`: a fixed answer. */
export const respond = z
  .strictObject({
    status: wholeNumberValue({ min: 200, max: 599 }).default(200),
    body: body.default(''),
    type: type.default('text/plain; charset=utf-8'),
  })
  .transform((read): OwnAnswer => ({
    status: read.status,
    code: 'fixed-answer',
    location: undefined,
    content: { type: read.type, bytes: read.body },
  }));

const EMPTY = { type: 'text/plain; charset=utf-8', bytes: '' };

/** What a redirect answers; undefined: this one says nothing. */
export function redirectAnswer({ https, port, to, status }: Redirect): OwnAnswer | undefined {
  const text =
    https === true
      ? {
          texts: ['https://', port === undefined || port === 443 ? '' : `:${port}`, ''],
          variables: ['hostName' as const, 'target' as const],
        }
      : to;
  return text === undefined ? undefined : { status, code: 'redirect', location: text, content: EMPTY };
}
