import type { Logger } from 'pino';
import { createAddressSet, parseAddress } from '../route/address.js';

/** Where load balancers connect from; anybody else's claims are what the gateway is there to drop. */
const PRIVATE = createAddressSet([
  '10.0.0.0/8',
  '172.16.0.0/12',
  '192.168.0.0/16',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '::1',
  'fc00::/7',
  'fe80::/10',
]);

/** Warns, once, of a proxy in front that nobody has said to trust: then all users look like one. */
export class Strangers {
  readonly #logger: Logger;
  #isTold = false;

  constructor(logger: Logger) {
    this.#logger = logger;
  }

  claimed(address: string): void {
    if (this.#isTold || !PRIVATE.has(parseAddress(address))) return;
    this.#isTold = true;
    this.#logger.warn(
      { client: address },
      `${address} sends X-Forwarded-For and is not among trustedProxies: every user behind it looks like ${address}. Add it to trustedProxies if it is a proxy of yours.`,
    );
  }
}
