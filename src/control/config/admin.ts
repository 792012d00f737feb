import { z } from 'zod';
import { KEY_CHARACTERS_MIN } from '../../base/options.js';
import { createAddressSet, parseAddress } from '../../route/address.js';
import type { AdminConfig, AdminListen } from './config.js';
import { kindOf } from './messages.js';
import { flag, reads, Wrong } from './values.js';

const TOKEN_CHARACTERS_MIN = 16;
const TOKEN_CHARACTERS_MAX = 1024;
/** What the address of a unix socket has room for (sun_path of macOS, with its closing zero). */
const SOCKET_PATH_BYTES_MAX = 103;
const HOSTS_MAX = 64;
const MAKE = `Make one with: openssl rand -base64 ${KEY_CHARACTERS_MIN}`;

const LOOPBACK = createAddressSet(['127.0.0.0/8', '::1']);

/** Where operators reach a gateway when `admin` doesn't say it. The command line asks there, too. */
export const ADMIN_PORT = 9900;

const adminListen = reads((value): AdminListen | Wrong => {
  const text = typeof value === 'number' ? String(value) : typeof value === 'string' ? value : '';
  if (text.startsWith('unix:')) return unixSocket(text.slice('unix:'.length));
  const match = /^(?:(\[[0-9a-fA-F:.%]+\]|[A-Za-z0-9._-]+):)?(\d{1,5})$/.exec(text);
  if (match === null)
    return new Wrong(
      `is not an address to listen at. Write "127.0.0.1:${ADMIN_PORT}", or a socket file: "unix:/run/stickyroute.sock".`,
    );
  const port = Number(match[2]);
  if (port > 65535)
    return new Wrong(`has the port ${port}. Write one from 1 to 65535, or 0 to let the system choose.`);
  return { kind: 'tcp', host: match[1]?.replace(/^\[|\]$/g, '') ?? '127.0.0.1', port };
});

function unixSocket(path: string): AdminListen | Wrong {
  if (!path.startsWith('/') || path.includes('\0'))
    return new Wrong(
      'names no whole path. Write one from the root on, such as "unix:/run/stickyroute.sock".',
    );
  if (Buffer.byteLength(path) > SOCKET_PATH_BYTES_MAX)
    return new Wrong(
      `has a path of more than ${SOCKET_PATH_BYTES_MAX} bytes, which no system takes. Shorten it.`,
    );
  return { kind: 'unix', path };
}

const token = reads((value): string | Wrong => {
  if (typeof value !== 'string') return new Wrong(`must be text, not ${kindOf(value)}. ${MAKE}`);
  if (!/^[\x21-\x7e]*$/.test(value))
    return new Wrong(
      `has a character that no header field can carry, such as a space or a line's end. ${MAKE}`,
    );
  if (value.length < TOKEN_CHARACTERS_MIN)
    return new Wrong(
      `is too short: it has ${value.length} characters, and a token needs at least ${TOKEN_CHARACTERS_MIN}. ${MAKE}`,
    );
  return value.length <= TOKEN_CHARACTERS_MAX
    ? value
    : new Wrong(`has more than ${TOKEN_CHARACTERS_MAX} characters. ${MAKE}`);
});

const hosts = reads((value): readonly string[] | Wrong => {
  const names: unknown[] = Array.isArray(value) ? value : [value];
  if (names.length > HOSTS_MAX) return new Wrong(`has more than ${HOSTS_MAX} names. Write fewer.`);
  const odd = names.find(
    (name) => typeof name !== 'string' || !/^[A-Za-z0-9](?:[A-Za-z0-9._-]{0,252})$/.test(name),
  );
  return odd === undefined
    ? (names as string[]).map((name) => name.toLowerCase())
    : new Wrong('must be host names without a port. Write hosts: [gateway-1.internal].');
});

/** `admin:` of the gateway. */
export const admin: z.ZodType<AdminConfig> = z
  .strictObject({
    listen: adminListen.prefault(`127.0.0.1:${ADMIN_PORT}`),
    token: token.optional(),
    write: flag.optional(),
    hosts: hosts.prefault([]),
  })
  .transform(({ listen, token, write, hosts }, context) => {
    if (token === undefined && !isPrivate(listen))
      context.addIssue({
        code: 'custom',
        path: ['token'],
        message: `is missing, and ${(listen as { host: string }).host} can be reached from other machines. Add token: "\${STICKYROUTE_ADMIN_TOKEN}", or listen at 127.0.0.1 or at a unix socket.`,
      });
    return { listen, token, write: write ?? (token !== undefined || listen.kind === 'unix'), hosts };
  });

/** Only from this machine. A name other than localhost may become another address at any time. */
function isPrivate(listen: AdminListen): boolean {
  return listen.kind === 'unix' || isLoopback(listen.host);
}

/** An address or a name that always means this machine. */
export function isLoopback(host: string): boolean {
  return host.toLowerCase() === 'localhost' || LOOPBACK.has(parseAddress(host));
}
