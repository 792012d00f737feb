import { z } from 'zod';
import { canonical, formatAddress, maskAddress, parseAddress } from '../address.js';
import type { RuleDefinition } from './definition.js';
import { emptyAsObject, onFailure } from './options.js';
import { NOTHING, UNREADABLE, type FailurePolicy } from './rule.js';

export interface IpOptions {
  readonly prefix4: number;
  readonly prefix6: number;
  readonly onFailure: FailurePolicy;
}

function prefix(bits: number) {
  const form = `Write a prefix length from 1 to ${bits}.`;
  return z.int({ error: form }).min(1, form).max(bits, form).default(bits);
}

const shape = z.strictObject({ prefix4: prefix(32), prefix6: prefix(128), onFailure: onFailure('borrow') });

/** The key is the client's address, after trusted proxies, or the network it is in. */
export const ip: RuleDefinition<IpOptions> = {
  name: 'ip',
  options: emptyAsObject(shape),
  alwaysFinds: true,
  create: ({ prefix4, prefix6, onFailure }) => ({
    name: 'ip',
    subject: '',
    onFailure,
    find(facts) {
      const text = facts.line.clientAddress;
      if (text === '') return NOTHING;
      const address = parseAddress(text);
      if (address === undefined) return UNREADABLE;
      const [prefix, bits] = typeof address === 'number' ? [prefix4, 32] : [prefix6, 128];
      return {
        kind: 'keyed',
        key: prefix === bits ? canonical(text, address) : formatAddress(maskAddress(address, prefix)),
      };
    },
  }),
};
