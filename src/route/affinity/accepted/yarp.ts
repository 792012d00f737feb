import { createHash } from 'node:crypto';
import { z } from 'zod';
import { Word64 } from '../../hash/word64.js';
import { xxh64 } from '../../hash/xxh64.js';
import { shorthand, tokenName } from '../options.js';
import { UNREADABLE } from '../rule.js';
import type { CookieFormat } from './format.js';
import { namedTokens, namedUpstreams, poolTokens } from './token-table.js';

/** `HashCookie`, `ArrCookie`. */
const SPELLING = /^(?:[0-9a-f]{16}|[0-9A-F]{64})$/;

export interface YarpOptions {
  readonly name: string;
  readonly upstreams?: Readonly<Record<string, string>> | undefined;
}

const shape = z.strictObject({ name: tokenName('cookie'), upstreams: namedUpstreams() });

/**
 * The policies `HashCookie` and `ArrCookie` of YARP (src/ReverseProxy/SessionAffinity): a hash of its name
 * for the upstream, which tells them apart by its length.
 */
export const yarp: CookieFormat<YarpOptions> = {
  name: 'yarp',
  options: shorthand('name', shape),
  create({ name, upstreams }) {
    const table =
      upstreams === undefined ? poolTokens(({ id }) => tokensOf(id)) : namedTokens(upstreams, tokensOf);
    return { name, read: (value, pool) => (SPELLING.test(value) ? table.find(value, pool) : UNREADABLE) };
  },
};

/** Of the name in UTF-16LE, in upper case for the one and in lower case for the other. */
function tokensOf(name: string): string[] {
  const hash = new Word64();
  xxh64(Buffer.from(name.toUpperCase(), 'utf16le').toString('latin1'), 0, hash);
  const arr = createHash('sha256').update(name.toLowerCase(), 'utf16le').digest('hex').toUpperCase();
  return [hash.toBigInt().toString(16).padStart(16, '0'), arr];
}
