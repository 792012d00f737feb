import { Draft, type DraftRoute } from '../draft.js';
import { lockText } from '../doors.js';
import { isCachingField } from '../caching-fields.js';
import { Report } from '../report.js';
import { sayOrder } from '../say-order.js';
import { failed, type SourceFile, type SourceFiles } from '../source-files.js';
import { trustedRanges } from '../trusted-ranges.js';
import { parseSize } from './size.js';
import { lockOf } from './locks.js';
import { EVERYTHING, narrowed, withHosts, type Scope } from './matchers.js';
import { caddyProxy, PRIVATE, type CaddyProxy } from './proxy-reader.js';
import { segments, type Segment } from './segments.js';
import { caddyTime } from './time.js';

/** What concerns Caddy itself. */
const WITHOUT_MEANING = new Set([
  'log',
  'admin',
  'debug',
  'email',
  'order',
  'persist_config',
  'storage',
  'metrics',
  'auto_https',
  'acme_ca',
  'acme_email',
  'local_certs',
  'skip_install_trust',
  'protocols',
  'listener_wrappers',
  'strict_sni_host',
  'name',
  'log_skip',
  'skip_log',
  'log_append',
  'log_name',
]);

/** A Caddyfile. `version`: of the Caddy whose file it is. */
export function readCaddy(file: SourceFile, files: SourceFiles, report: Report, version?: string): Draft {
  const all = segments(file, files, report);
  const draft = new Draft(report);
  const reader = new CaddyReader(draft, version, report);
  const [first] = all;
  const isGlobal = first !== undefined && first.name === '' && first.block !== undefined;
  if (isGlobal) for (const line of first.block!) readGlobal(line, draft, report);
  const sites = isGlobal ? all.slice(1) : all;
  // One site alone may stand without braces: its first line is the address.
  if (sites.length > 0 && sites[0]!.block === undefined) reader.site({ ...sites[0]!, block: sites.slice(1) });
  else for (const site of sites) reader.site(site);
  if (sites.length === 0) throw failed(`${file.name}: there is no site in it.`);
  return draft;
}

function readGlobal({ name, args, block, at }: Segment, draft: Draft, report: Report): void {
  const time = caddyTime(args[0]);
  if (name === 'grace_period' && time !== undefined) draft.set('shutdownGrace', time, at);
  else if (name === 'servers' || name === 'timeouts')
    for (const line of block ?? []) readGlobal(line, draft, report);
  else if (name === 'read_header' && time !== undefined) draft.limit('headTime', time, at);
  else if (name === 'idle' && time !== undefined) draft.limit('idleTime', time, at);
  else if (name === 'max_header_size' && parseSize(args[0]) !== undefined)
    draft.limit('headBytes', Math.min(1024 ** 2, Math.max(1024, parseSize(args[0])!)), at);
  else if (name === 'trusted_proxies' && args[0] === 'static')
    draft.set(
      'trustedProxies',
      trustedRanges(
        args.slice(1).flatMap((arg) => (arg === 'private_ranges' ? PRIVATE : [arg])),
        at,
        report,
      ),
      at,
    );
  else if (!WITHOUT_MEANING.has(name))
    report.say(at, `${[name, ...args].slice(0, 2).join(' ')} is not carried over.`);
}

class CaddyReader {
  readonly #draft: Draft;
  readonly #version: string | undefined;
  readonly #report: Report;
  /** The same text at two places is one pool of ours. */
  readonly #proxies = new Map<string, CaddyProxy | undefined>();
  /** What stands in the `route` block that is being read: there the order of the file counts. */
  #ordered: DraftRoute[] | undefined;

  constructor(draft: Draft, version: string | undefined, report: Report) {
    this.#draft = draft;
    this.#version = version;
    this.#report = report;
  }

  site(site: Segment): void {
    const addresses = [site.name, ...site.args]
      .flatMap((text) => text.split(','))
      .filter((text) => text !== '');
    let hosts: string[] = [];
    let isAny = false;
    for (const address of addresses) {
      const host = this.#address(address, site);
      if (host === undefined) return;
      if (host === '') isAny = true;
      else hosts.push(host);
    }
    if (isAny) hosts = [];
    const scope = hosts.length === 0 ? EVERYTHING : withHosts(EVERYTHING, hosts, site.at, this.#report);
    if (typeof scope === 'string')
      this.#report.say(site.at, `site ${addresses.join(', ')} is not carried over: ${scope}`);
    else this.#lines(site.block ?? [], scope, new Map(), [site.at]);
  }

  /** The host of a site's address; empty for any. Undefined, and said, where it is no address of ours. */
  #address(address: string, { at, block = [] }: Segment): string | undefined {
    const [, scheme, host, port] =
      /^(?:(https?):\/\/)?(\[[0-9a-fA-F:.]+\]|[\w.*-]*)(?::(\d{1,5}))?$/.exec(address) ?? [];
    if (host === undefined || address.includes('{')) {
      this.#report.say(at, `site ${address} is not carried over: its address is not a host and a port.`);
      return undefined;
    }
    // A site that only sends browsers elsewhere is no place for users.
    if (!block.some(passes)) return host;
    const [bind, ...more] = block.find(({ name }) => name === 'bind')?.args ?? [];
    for (const other of more)
      this.#report.say(at, `bind ${other} is not carried over: stickyroute listens at one address.`);
    if (bind !== undefined && /^(?:unix|fd)/.test(bind)) {
      this.#draft.lock({
        hosts: [],
        path: '/',
        owner: at,
        at,
        message: `bind ${bind}: its routes answer at a socket of the file system there, and would answer on TCP here.`,
      });
      return host;
    }
    const number = Number(port ?? (scheme === 'http' ? 80 : host === '' && scheme === undefined ? 80 : 443));
    const files = block.find(({ name, args }) => name === 'tls' && args.length === 2);
    const isTls =
      scheme !== 'http' &&
      number !== 80 &&
      (scheme === 'https' || host !== '' || number === 443 || block.some(({ name }) => name === 'tls'));
    const value =
      bind === undefined
        ? number
        : `${bind.includes(':') && !bind.startsWith('[') ? `[${bind}]` : bind}:${number}`;
    this.#draft.listen({
      value,
      at,
      owner: at,
      isTls,
      ...(isTls && files !== undefined && { tls: { cert: files.args[0]!, key: files.args[1]! } }),
    });
    if (isTls && files === undefined)
      this.#report.say(
        at,
        `site ${address}: Caddy fetches its certificate by itself, and stickyroute takes files. Write tls: { cert, key }.`,
      );
    return host;
  }

  /** `within`: the site, and the blocks around, the innermost last. */
  #lines(
    lines: readonly Segment[],
    scope: Scope,
    around: ReadonlyMap<string, Segment>,
    within: readonly string[],
  ): void {
    const own = lines.filter(({ name }) => name.startsWith('@'));
    this.#report.spend(own.length === 0 ? 0 : around.size);
    const named =
      own.length === 0 ? around : new Map([...around, ...own.map((line) => [line.name, line] as const)]);
    for (const line of lines) {
      const { name, args, block, at } = line;
      const isMatched = args[0] !== undefined && /^(?:@|\/|\*$)/.test(args[0]);
      const why = name === 'import' ? lockOf(line, args) : lockOf(line, isMatched ? args.slice(1) : args);
      if (why !== undefined && !(name === 'respond' && !isMatched && args.at(-1) === '404')) {
        const quiet = new Report();
        const asked = narrowed(scope, isMatched ? args[0] : undefined, named, at, quiet);
        const { hosts, paths } = typeof asked === 'string' ? scope : asked;
        // A block that passes nothing on keeps requests from what stands around it.
        const owner =
          name === 'handle_path'
            ? at
            : lines.some(passes) || within.length === 1
              ? within.at(-1)!
              : within[0]!;
        for (const path of paths)
          this.#draft.lock({
            hosts,
            path,
            owner,
            at,
            message: lockText(why),
          });
        if (name !== 'tls' && name !== 'handle_path') continue;
      }
      if (name.startsWith('@') || name === 'bind' || WITHOUT_MEANING.has(name)) continue;
      if (name === 'tls' && args.length === 2) {
        for (const inner of block ?? [])
          this.#report.say(inner.at, `${inner.name} in tls is not carried over.`);
        continue;
      }
      const hasMatcher = args[0] !== undefined && /^(?:@|\/|\*$)/.test(args[0]);
      if (!['handle', 'handle_path', 'route', 'reverse_proxy'].includes(name)) {
        // What is not found there is not found here either.
        if (name === 'respond' && args.at(-1) === '404' && scope.paths.includes('/') && !hasMatcher) continue;
        const why = NO_UPSTREAM[name];
        this.#report[isHarmless(name, hasMatcher ? args.slice(1) : args) ? 'harmless' : 'say'](
          at,
          `${[name, ...args].slice(0, 2).join(' ')} is not carried over${why === undefined ? '' : `: ${why}`}.`,
        );
        continue;
      }
      const inner = narrowed(scope, hasMatcher ? args[0] : undefined, named, at, this.#report);
      if (typeof inner === 'string')
        this.#report.say(at, `${[name, ...args].slice(0, 2).join(' ')} is not carried over: ${inner}`);
      else if (name === 'reverse_proxy') this.#proxy(line, hasMatcher ? args.slice(1) : args, inner, within);
      else if (name === 'route' && this.#ordered === undefined) {
        this.#ordered = [];
        this.#lines(block ?? [], inner, named, within);
        sayOrder(this.#ordered, this.#report);
        this.#ordered = undefined;
      } else this.#lines(block ?? [], inner, named, name === 'route' ? within : [...within, at]);
    }
  }

  #proxy(
    line: Segment,
    addresses: readonly string[],
    { hosts, paths }: Scope,
    within: readonly string[],
  ): void {
    const key = JSON.stringify([line.at, addresses]);
    if (!this.#proxies.has(key))
      this.#proxies.set(key, caddyProxy(line, addresses, this.#version, this.#draft, this.#report));
    const proxy = this.#proxies.get(key);
    if (proxy === undefined) return;
    const { pool, affinity, balance } = proxy;
    for (const inner of line.block ?? []) {
      const why = lockOf(inner, inner.args);
      if (why !== undefined)
        this.#draft.lock({ hosts, path: '/', owner: line.at, at: inner.at, message: lockText(why) });
    }
    for (const path of paths) {
      const route = {
        hosts,
        path,
        pool,
        affinity,
        ...(balance !== undefined && { balance }),
        at: line.at,
        owner: within[0]!,
        within: [...within, line.at],
        parts: [line.at],
      };
      this.#ordered?.push(route);
      this.#draft.route(route);
    }
  }
}

/** Why what stands in a site leads to no upstream of ours. */
const NO_UPSTREAM: Readonly<Record<string, string>> = {
  php_fastcgi: 'its upstream speaks FastCGI, and stickyroute speaks HTTP. Put a web server in front of it',
  file_server: 'it serves files',
  templates: 'it writes pages by itself',
  respond: 'it answers by itself',
  redir: 'it sends the browser elsewhere',
  acme_server: 'it gives certificates away',
};

/** Directives that nobody who is served notices. */
const HARMLESS = new Set(['encode', 'tracing', 'vars', 'root', 'fs', 'intercept']);

function isHarmless(name: string, [field = '', value = '']: readonly string[]): boolean {
  return (
    HARMLESS.has(name) ||
    (name === 'header' &&
      (isCachingField([field, value]) || /^-(?:server|x-powered-by|via|etag)$/i.test(field)))
  );
}

function passes({ name, block = [] }: Segment): boolean {
  return name === 'reverse_proxy' || block.some(passes);
}
