import type { IncomingMessage } from 'node:http';
import type { Logger } from 'pino';
import type { Clock } from '../../base/clock.js';
import { parseAddress } from '../../route/address.js';
import type { AdminConfig } from '../config/config.js';
import { AdminRefused } from './admin-refusal.js';
import { TokenCheck } from './token-check.js';

/** Fields that must not be there twice: two readers could go by different ones. */
const SINGLE_FIELDS: ReadonlySet<string> = new Set([
  'host',
  'authorization',
  'content-type',
  'content-length',
  'content-encoding',
  'transfer-encoding',
  'origin',
  'sec-fetch-site',
  'last-event-id',
]);
/** Failures are logged at this pace, with their number. */
const LOG_EVERY_MS = 10_000;

/**
 * Decides who may ask. A browser must not become the tool of another site: its page can neither reach this
 * API under a name of its own (DNS rebinding: Host), nor send a request across (Origin, Sec-Fetch-Site), and
 * no field ever allows it to (no CORS).
 */
export class Gatekeeper {
  readonly #config: () => AdminConfig;
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #tokens: TokenCheck;
  #failures = 0;
  #loggedAtMs = -Infinity;

  constructor(config: () => AdminConfig, logger: Logger, clock: Clock) {
    this.#config = config;
    this.#logger = logger;
    this.#clock = clock;
    this.#tokens = new TokenCheck(clock);
  }

  /** Throws AdminRefused. `peer`: undefined for a unix socket. `isOpen`: it answers without a token. */
  admit(request: IncomingMessage, peer: string | undefined, isOpen: boolean): void {
    checkForm(request);
    const { listen, hosts, token } = this.#config();
    if (listen.kind === 'tcp') checkHost(request.headers.host, listen.host, hosts);
    checkBrowser(request);
    if (token !== undefined && !isOpen) this.#checkToken(request, token, peer);
  }

  #checkToken({ headers }: IncomingMessage, token: string, peer: string | undefined): void {
    const verdict = this.#tokens.check(headers.authorization, token, peer);
    if (verdict === 'right') return;
    if (verdict !== 'missing') this.#log(peer);
    if (verdict === 'tooMany')
      throw new AdminRefused(429, 'Too many wrong tokens came from this address. Wait a minute.', {
        'retry-after': '60',
      });
    throw new AdminRefused(
      401,
      verdict === 'missing'
        ? 'This needs a token. Send Authorization: Bearer TOKEN, with admin.token of the configuration.'
        : 'The token is not the one of admin.token in the configuration.',
      { 'www-authenticate': 'Bearer realm="stickyroute"' },
    );
  }

  #log(peer: string | undefined): void {
    this.#failures++;
    const nowMs = this.#clock.monotonic();
    if (nowMs - this.#loggedAtMs < LOG_EVERY_MS) return;
    this.#logger.warn(
      { peer: peer ?? 'unix', failures: this.#failures },
      `the admin API refused a wrong token from ${peer ?? 'its socket'}`,
    );
    this.#loggedAtMs = nowMs;
    this.#failures = 0;
  }
}

function checkForm({ rawHeaders, headers, url = '' }: IncomingMessage): void {
  if (!url.startsWith('/') || url.startsWith('//'))
    throw new AdminRefused(400, 'The request target is no path. Ask for one such as /status.');
  const seen = new Set<string>();
  for (let at = 0; at < rawHeaders.length; at += 2) {
    const name = rawHeaders[at]!.toLowerCase();
    if (SINGLE_FIELDS.has(name) && seen.has(name))
      throw new AdminRefused(400, `The field ${name} is there twice. Send it once.`);
    seen.add(name);
  }
  if (headers['content-length'] !== undefined && headers['transfer-encoding'] !== undefined)
    throw new AdminRefused(400, 'Content-Length and Transfer-Encoding contradict each other. Send one.');
}

/** An address can't be pointed elsewhere, as a name can that somebody else owns. */
function checkHost(field: string | undefined, listenHost: string, hosts: readonly string[]): void {
  const name = hostName(field);
  const isKnown =
    name !== undefined &&
    (name === 'localhost' ||
      name === listenHost.toLowerCase() ||
      hosts.includes(name) ||
      parseAddress(name) !== undefined);
  if (!isKnown)
    throw new AdminRefused(
      421,
      'This host name is not known to be of this gateway. Ask by its address, or add the name to admin.hosts.',
    );
}

function hostName(field: string | undefined): string | undefined {
  return /^(?:\[([0-9a-fA-F:.]+)\]|([A-Za-z0-9._-]+))(?::\d{1,5})?$/
    .exec(field ?? '')
    ?.slice(1)
    .find((part) => part !== undefined)
    ?.toLowerCase();
}

function checkBrowser({ headers }: IncomingMessage): void {
  const { host, origin } = headers;
  const site = headers['sec-fetch-site'];
  const isOwnOrigin = origin === undefined || origin === `http://${host}` || origin === `https://${host}`;
  const isOwnSite = site === undefined || site === 'same-origin' || site === 'none';
  if (!isOwnOrigin || !isOwnSite)
    throw new AdminRefused(
      403,
      'A page of another site asked for this. The admin API answers its own page only.',
    );
}
