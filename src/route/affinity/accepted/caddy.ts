import { createHash, createHmac } from 'node:crypto';
import { z } from 'zod';
import { memberAddress } from '../../placement/member-address.js';
import { emptyAsObject, shorthand, tokenName } from '../options.js';
import { UNREADABLE } from '../rule.js';
import type { CookieFormat } from './format.js';
import { poolTokens } from './token-table.js';

const MAC = /^[0-9a-f]{64}$/;

export interface CaddyOptions {
  readonly name: string;
  readonly secret: string;
}

const shape = z.strictObject({
  name: tokenName('cookie').default('lb'),
  secret: z
    .string({
      error:
        'Write the secret of lb_policy cookie, or ${NAME} to take it from the environment; leave it out where Caddy has none.',
    })
    .default(''),
});

/**
 * `lb_policy cookie` of Caddy (modules/caddyhttp/reverseproxy/selectionpolicies.go): HMAC-SHA256 of the
 * address under the secret, in hex.
 */
export const caddy: CookieFormat<CaddyOptions> = {
  name: 'caddy',
  options: emptyAsObject(shorthand('name', shape)),
  create({ name, secret }) {
    const table = poolTokens((upstream) => [
      blinded(createHmac('sha256', secret).update(memberAddress(upstream)).digest('hex')),
    ]);
    return { name, read: (value, pool) => (MAC.test(value) ? table.find(blinded(value), pool) : UNREADABLE) };
  },
};

/**
 * MACs are looked up by their digest. How long a look-up takes may depend on what it is given, and nobody can
 * steer a digest byte by byte; so the time tells nothing of a MAC, as in a comparison of constant time, and
 * the table is not walked for each request.
 */
function blinded(mac: string): string {
  return createHash('sha256').update(mac).digest('base64');
}
