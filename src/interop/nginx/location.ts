import { isDeepStrictEqual } from 'node:util';
import { toByteString } from '../../base/framed-key.js';
import { OTHER_PATH } from '../doors.js';
import type { Directive } from './directives.js';

/** Why what stands in a location leads to no upstream of ours. */
export const NO_UPSTREAM: Readonly<Record<string, string>> = {
  fastcgi_pass: 'its upstream speaks FastCGI, and stickyroute speaks HTTP. Put a web server in front of it.',
  uwsgi_pass: 'its upstream speaks uwsgi, and stickyroute speaks HTTP. Let it listen with --http.',
  scgi_pass: 'its upstream speaks SCGI, and stickyroute speaks HTTP.',
  memcached_pass: 'its upstream is memcached.',
  stub_status: 'it shows the state of nginx.',
  root: 'it serves files.',
  alias: 'it serves files.',
  try_files: 'it serves files.',
  autoindex: 'it serves files.',
  empty_gif: 'it serves a picture.',
  return: 'it answers by itself.',
  rewrite: 'it changes the path.',
};
/** What a location gives that no upstream of ours has, so that nothing of ours shows it either. */
export const OWN_CONTENT = new Set(
  Object.keys(NO_UPSTREAM).filter((name) => name !== 'return' && name !== 'rewrite'),
);

/** Do two locations the same, wherever they stand? */
export function isSameBody(one: Directive, other: Directive): boolean {
  const text = ({ block = [] }: Directive): unknown =>
    block.map((line) => [line.name, line.args, text(line)]);
  return isDeepStrictEqual(text(one), text(other));
}

export function plainPath({ args }: Directive): string | undefined {
  return args.length === 1 ? args[0] : args[0] === '^~' ? args[1] : undefined;
}

/** nginx compares paths decoded, and stickyroute as they are sent. */
export function asSent(path: string): string {
  return toByteString(path).replace(
    /[^!-~]|%/g,
    (byte) => `%${byte.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`,
  );
}

/** `rewrite` that sends the browser elsewhere passes nothing on. */
const SENDS_AWAY = /^(?:redirect|permanent)$/;

/**
 * Where upstreams are asked for another path than the client was: what is at the client's own path there may
 * never have been meant for anybody.
 */
export function pathLocks(
  body: readonly Directive[],
  pass: Directive,
  path: string,
): { readonly at: string; readonly message: string }[] {
  const [url = ''] = pass.args;
  const uri = /^https?:\/\/[^/]+(\/.*)$/.exec(url)?.[1];
  const shown = path.slice(0, 100);
  const passed =
    uri === undefined || uri === path
      ? []
      : [
          {
            at: pass.at,
            message: `proxy_pass ${url.slice(0, 200)} ${uri === '/' ? `takes ${shown} away from the path` : `puts ${uri.slice(0, 100)} in place of ${shown}`}, and stickyroute passes the path on as it is: another part of the upstream would answer.`,
          },
        ];
  const rewritten = body
    .filter(
      ({ name, args }) =>
        name === 'rewrite' && !SENDS_AWAY.test(args[2] ?? '') && !/^https?:/.test(args[1] ?? ''),
    )
    .map(({ at, args }) => ({
      at,
      message: `rewrite ${args.join(' ').slice(0, 200)} ${OTHER_PATH}.`,
    }));
  return [...passed, ...rewritten];
}

export function hasHost(lines: readonly Directive[]): boolean {
  return lines.some(({ name, args }) => name === 'proxy_set_header' && /^host$/i.test(args[0] ?? ''));
}

/** nginx checks no certificates of upstreams unless told to. */
export function tlsOf(lines: readonly Directive[]): object {
  const isVerified = lines.find(({ name }) => name === 'proxy_ssl_verify')?.args[0] === 'on';
  const ca = lines.find(({ name }) => name === 'proxy_ssl_trusted_certificate')?.args[0];
  if (!isVerified) return { insecure: true };
  return ca === undefined || ca === '/etc/ssl/certs/ca-certificates.crt' ? {} : { ca };
}

/** In an upstream block port 80 is meant where none stands, also for TLS. */
export function httpsOf(url: string): string {
  const { hostname, port } = new URL(url);
  return `https://${hostname}:${port === '' ? 80 : port}`;
}

/** Directives of a location or server that concern the way to an upstream over TLS. */
export const TLS_LINES = new Set([
  'proxy_ssl_verify',
  'proxy_ssl_trusted_certificate',
  'ssl_certificate',
  'ssl_certificate_key',
  'listen',
  'server_name',
  'location',
  'proxy_pass',
  'grpc_pass',
  'http2',
]);

const HTTP_URL = /^(https?):\/\/([^/]+)(?:\/.*)?$/;
/** Without a scheme it is `grpc://`. */
const GRPC_URL = /^(?:(grpcs?):\/\/|(?!\$))([^/]+)$/;

/** Where `proxy_pass` or `grpc_pass` leads; no name: nowhere that we know. */
export function passTarget({ name: directive, args: [url = ''] }: Directive): {
  readonly name: string | undefined;
  readonly scheme: 'http' | 'https';
  readonly isGrpc: boolean;
} {
  const isGrpc = directive === 'grpc_pass';
  const [, written, name] = (isGrpc ? GRPC_URL : HTTP_URL).exec(url) ?? [];
  return { name, scheme: written === 'https' || written === 'grpcs' ? 'https' : 'http', isGrpc };
}
