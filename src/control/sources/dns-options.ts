import { isIP } from 'node:net';
import { z } from 'zod';
import { kindOf } from '../config/messages.js';
import { duration, flag, reads, wholeNumberValue, Wrong } from '../config/values.js';

export interface DnsSourceOptions {
  /** In lower case, without a dot at its end. */
  readonly name: string;
  /** Undefined: SRV records say it. */
  readonly port: number | undefined;
  readonly isHttps: boolean;
  /** Which addresses; `first`: IPv4 ones, or IPv6 ones where there are no others. */
  readonly family: 'first' | '4' | '6' | 'both';
  readonly everyMs: number;
  readonly timeoutMs: number;
  readonly holdMs: number;
  readonly resolvers: readonly string[];
}

const RESOLVERS_MAX = 8;

const name = reads((value): string | Wrong => {
  if (typeof value !== 'string')
    return new Wrong(`must be a name, not ${kindOf(value)}. Write name: api.internal.`);
  const bare = value.replace(/\.$/, '').toLowerCase();
  if (isIP(bare) !== 0) return new Wrong('is an address. Write it as a URL under upstreams.');
  return bare.length <= 253 && /^(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?(?:\.|$))+$/.test(bare)
    ? bare
    : new Wrong('is not a name in DNS. Write one in full, such as name: api.internal.');
});

const family = reads((value): '4' | '6' | 'both' | Wrong => {
  const text = String(value);
  return text === '4' || text === '6' || text === 'both' ? text : new Wrong('is none. Write 4, 6 or both.');
});

const resolver = (value: unknown): boolean => {
  if (typeof value !== 'string') return false;
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([0-9.]+))(?::(\d{1,5}))?$/.exec(value);
  const address = match?.[1] ?? match?.[2] ?? value;
  const port = Number(match?.[3] ?? 53);
  return isIP(address) !== 0 && port >= 1 && port <= 65535;
};

const resolvers = reads((value): readonly string[] | Wrong => {
  const form = 'Write addresses of resolvers: resolvers: [10.0.0.2, "127.0.0.1:5353"].';
  if (!Array.isArray(value)) return new Wrong(`must be a list, not ${kindOf(value)}. ${form}`);
  if (value.length > RESOLVERS_MAX)
    return new Wrong(`has ${value.length} entries; at most ${RESOLVERS_MAX} are asked.`);
  const odd = value.findIndex((each) => !resolver(each));
  return odd === -1 ? (value as string[]) : new Wrong(`has no address as entry ${odd + 1}. ${form}`);
});

/** `{ name: api.internal, port: 8080 }` */
export const dnsOptions: z.ZodType<DnsSourceOptions> = z
  .strictObject({
    name,
    port: wholeNumberValue({ min: 1, max: 65535 }).optional(),
    https: flag.default(false),
    family: family.optional(),
    every: duration({ min: 1000, max: 3_600_000 }).default(10_000),
    timeout: duration({ min: 100, max: 60_000 }).default(2000),
    hold: duration({ min: 0, max: 86_400_000 }).default(30_000),
    resolvers: resolvers.prefault([]),
  })
  .transform((read, context) => {
    if (read.port === undefined && read.family === 'both')
      context.addIssue({
        code: 'custom',
        path: ['family'],
        message: 'is for addresses: an SRV record is one upstream, whatever addresses its name has.',
      });
    return {
      name: read.name,
      port: read.port,
      isHttps: read.https,
      family: read.family ?? 'first',
      everyMs: read.every,
      timeoutMs: read.timeout,
      holdMs: read.hold,
      resolvers: read.resolvers,
    };
  });
