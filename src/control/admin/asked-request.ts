import { z } from 'zod';
import { parseAddress } from '../../route/address.js';
import type { AskedRequest } from '../explanation.js';

const FIELD_NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const FIELD_VALUE = /^[^\r\n\0]*$/;
const HEADERS_MAX = 100;

/** A request as an operator asks about it, over the admin API. */
export const askedRequest = z
  .strictObject({
    url: z
      .string()
      .refine(
        (text) => /^\/[\x21-\x7e]*$/.test(text) || (/^https?:\/\/[^/?#]/i.test(text) && URL.canParse(text)),
        {
          error: 'must be http://host/path?query, or the path alone',
        },
      )
      .optional()
      .meta({ description: 'http://example.org/users?a=b, or the path alone. / unless set' }),
    method: z.string().regex(FIELD_NAME).optional(),
    host: z.string().regex(FIELD_VALUE).optional().meta({ description: 'Where url has none' }),
    headers: z
      .array(z.tuple([z.string().regex(FIELD_NAME), z.string().regex(FIELD_VALUE)]))
      .max(HEADERS_MAX)
      .optional()
      .meta({ description: 'Fields in order, each a name and a value' }),
    cookie: z
      .string()
      .regex(FIELD_VALUE)
      .optional()
      .meta({ description: 'NAME=VALUE, as a browser sends it; several with "; " between' }),
    ip: z
      .string()
      .refine((text) => parseAddress(text) !== undefined, { error: 'must be an IPv4 or IPv6 address' })
      .optional()
      .meta({ description: 'The address that connects; trusted proxies are looked through' }),
  })
  .meta({ id: 'AskedRequest' });

export function toAskedRequest(asked: z.infer<typeof askedRequest>): AskedRequest {
  const { url = '/', method, host, headers = [], cookie, ip } = asked;
  return {
    url,
    method,
    headers: [
      ...(host === undefined ? [] : [['host', host] as const]),
      ...headers,
      ...(cookie === undefined ? [] : [['cookie', cookie] as const]),
    ],
    ip,
  };
}
