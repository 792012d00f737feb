import { parseAddress } from '../../route/address.js';
import type { CookieOptions } from '../../route/affinity/cookie.js';
import type { Limits } from '../../proxy/limits.js';
import type { Names } from '../names.js';
import type { Report } from '../report.js';
import { cookieValue } from './cookie-value.js';
import { block, literal, word } from './text.js';
import { balanceLines, keepaliveLines, serverLine, type UpstreamBlock } from './upstream-block.js';

/** Each upstream gets a block in which all others stand by; more than this would be pages. */
const STAND_INS_MAX = 64;

/** The map form of cookie routing: what a build of nginx without `sticky` can do. */
export interface CookieMap {
  /** What `proxy_pass` names instead of the group. */
  readonly variable: string;
  readonly lines: readonly string[];
  /** For the location: binds the client. Empty for a cookie that the app writes. */
  readonly location: readonly string[];
}

export function cookieMap(
  upstreams: UpstreamBlock,
  names: Names,
  limits: Limits,
  report: Report,
): CookieMap | undefined {
  const { group, connections } = upstreams;
  const { cookie, routeCookie } = group.view;
  const name = cookie?.name ?? routeCookie?.name;
  if (name === undefined) return undefined;
  const at = `${group.affinityAt} ${cookie === undefined ? 'routeCookie' : 'cookie'} ${name}`;
  const byName = connections.filter(({ host }) => parseAddress(host.replace(/^\[|\]$/g, '')) === undefined);
  if (cookie !== undefined && byName.length > 0) {
    report.say(
      at,
      `is not carried over: nginx only knows the address that it reached, and ${byName[0]!.host} is a name. Write addresses, or --target-version 1.29.6.`,
    );
    return undefined;
  }
  if (cookie !== undefined && /\$/.test(cookie.name + cookie.path)) {
    report.say(at, 'is not carried over: to nginx a $ in its name or path begins a variable.');
    return undefined;
  }
  const policy = cookie?.onFailure ?? routeCookie!.onFailure;
  if (policy === 'reject')
    report.say(
      at,
      'onFailure: reject is not carried over: nginx sends users of an upstream that is down to another.',
    );
  const plain = group.tag;
  const { variable: value, lines } = cookieValue(name, `sr_cookie_${plain}`);
  const bound = connections.map(({ upstream }) =>
    names.unique(`${group.name}-${upstream.id.replaceAll(':', '-')}`),
  );
  const picks = connections.map(
    ({ upstream }, index) =>
      `${keys(connections.map((each) => each.upstream.id))(upstream.id)} ${bound[index]!};`,
  );
  lines.push(
    `# Who has the cookie ${name} goes where it says; anybody else is placed by the group ${group.name}.`,
    ...block(`map ${value} $sr_to_${plain}`, [...picks, `default ${group.name};`]),
  );
  bound.forEach((boundName, index) => lines.push(...boundBlock(boundName, index, upstreams, limits)));
  if (connections.length > STAND_INS_MAX)
    report.say(
      at,
      `has no stand-ins for an upstream that is down: with more than ${STAND_INS_MAX} upstreams the map form would be too long. Write --target-version 1.29.6.`,
    );
  const location =
    cookie === undefined ? [] : bindingLines(cookie, value, plain, upstreams, lines, at, report);
  return { variable: `$sr_to_${plain}`, lines, location };
}

/** The upstream that a cookie names, and behind it the others for when it is down. */
function boundBlock(
  name: string,
  index: number,
  { connections, weights, group }: UpstreamBlock,
  limits: Limits,
): string[] {
  const own = { ...connections[index]!, upstream: { ...connections[index]!.upstream, draining: false } };
  const others =
    connections.length > STAND_INS_MAX
      ? []
      : connections.flatMap((other, at) =>
          at === index || other.upstream.draining
            ? []
            : [serverLine(other, weights[at]!, group, false, ' backup')],
        );
  // Neither hash nor random goes with backup.
  const method = group.balance === 'leastRequests' ? balanceLines(group.balance) : [];
  return block(`upstream ${name}`, [
    ...method,
    serverLine(own, weights[index]!, group, false),
    ...others,
    ...keepaliveLines(limits),
  ]);
}

/**
 * How ids stand in a map: nginx compares plain text without case, and takes `default` and others for words of
 * its own.
 */
function keys(ids: readonly string[]): (id: string) => string {
  const lower = ids.map((id) => id.toLowerCase());
  const areAlike = new Set(lower).size < lower.length;
  return (id) => {
    if (areAlike) return word(`~^${literal(id)}$`);
    return ['default', 'hostnames', 'include', 'volatile'].includes(id) ? `\\${id}` : word(id);
  };
}

/** Writes the cookie when the upstream that answered is another than the one it names. */
function bindingLines(
  cookie: CookieOptions,
  value: string,
  plain: string,
  { connections }: UpstreamBlock,
  lines: string[],
  at: string,
  report: Report,
): string[] {
  report.door(
    at,
    'is written as the id of the upstream, in clear and unsigned: nginx without sticky has nothing better. Clients are bound anew once.',
  );
  if (cookie.idle !== undefined)
    report.say(at, 'idle is not carried over: the map form writes the cookie only when it changes.');
  if (cookie.absolute !== undefined)
    report.say(at, 'absolute is kept by the browser alone, as Max-Age: nginx does not check it.');
  if (cookie.onFailure === 'borrow')
    report.say(
      at,
      'onFailure: borrow is carried over as rehome: the cookie is written anew when another upstream answers.',
    );
  const attributes = [
    `; Path=${cookie.path}`,
    cookie.domain === undefined ? '' : `; Domain=${cookie.domain}`,
    cookie.httpOnly ? '; HttpOnly' : '',
    `; SameSite=${cookie.sameSite[0]!.toUpperCase()}${cookie.sameSite.slice(1)}`,
    cookie.secure === 'always' ? '; Secure' : '',
    cookie.partitioned ? '; Partitioned' : '',
    cookie.absolute === undefined ? '' : `; Max-Age=${Math.ceil(cookie.absolute / 1000)}`,
    cookie.secure === 'auto' ? `$sr_secure_${plain}` : '',
  ].join('');
  if (cookie.secure === 'auto')
    lines.push(...block(`map $scheme $sr_secure_${plain}`, ['https "; Secure";', 'default "";']));
  lines.push(
    '# The upstream that answered, by its address: the last one where several were tried.',
    ...block(`map $upstream_addr $sr_id_${plain}`, [
      ...connections.map(
        ({ upstream, host, port }) => `${word(`~(?:^|[ ,])${literal(`${host}:${port}`)}$`)} ${upstream.id};`,
      ),
      'default "";',
    ]),
    '# Nothing is written where the cookie says so already, or where nobody answered.',
    ...block(`map "${value}|$sr_id_${plain}" $sr_bind_${plain}`, [
      '"~^(.*)\\|\\1$" "";',
      '"~\\|$" "";',
      `default "${cookie.name}=$sr_id_${plain}${attributes.replace(/[\\"]/g, '\\$&')}";`,
    ]),
  );
  return [`add_header Set-Cookie $sr_bind_${plain} always;`];
}
