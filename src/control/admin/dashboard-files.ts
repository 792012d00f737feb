import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { gzipSync } from 'node:zlib';

interface DashboardFile {
  readonly type: string;
  readonly bytes: Buffer;
  readonly zipped: Buffer;
  readonly tag: string;
  readonly policy: string;
}

/** What each path is, in the folder that `npm run build` makes. */
const FILES: Readonly<Record<string, readonly [name: string, type: string]>> = {
  '/': ['page.html', 'text/html; charset=utf-8'],
  '/assets/icon.svg': ['icon.svg', 'image/svg+xml'],
};

/** Beside this file as built; and, for tests that run the sources, in what was built. */
const FOLDERS = ['../../dashboard/', '../../../dist/dashboard/'];

const read = new Map<string, DashboardFile>();

/** The file of the dashboard that this request asks for. It says nothing of the gateway. */
export function dashboardFile({ method, url = '' }: IncomingMessage): DashboardFile | undefined {
  const path = url.split('?', 1)[0]!;
  if ((method !== 'GET' && method !== 'HEAD') || !Object.hasOwn(FILES, path)) return undefined;
  const known = read.get(path);
  if (known !== undefined) return known;
  const [name, type] = FILES[path]!;
  const at = FOLDERS.map((folder) => new URL(`${folder}${name}`, import.meta.url)).find(existsSync);
  if (at === undefined) return undefined;
  const bytes = readFileSync(at);
  const tag = `"${createHash('sha256').update(bytes).digest('base64url').slice(0, 22)}"`;
  const file = { type, bytes, zipped: gzipSync(bytes, { level: 9 }), tag, policy: policyOf(`${bytes}`) };
  read.set(path, file);
  return file;
}

/** `fields`: those that every answer has. */
export function sendDashboardFile(
  { method, headers, complete }: IncomingMessage,
  response: ServerResponse,
  { type, bytes, zipped, tag, policy }: DashboardFile,
  fields: Readonly<Record<string, string>>,
): void {
  const isKnown = headers['if-none-match'] === tag;
  const isZipped = /\bgzip\b(?! *; *q=0(?:\.0*)?(?:,|$))/i.test(String(headers['accept-encoding'] ?? ''));
  const body = isZipped ? zipped : bytes;
  response.writeHead(isKnown ? 304 : 200, {
    ...fields,
    'cache-control': 'no-cache',
    'content-security-policy': policy,
    etag: tag,
    vary: 'accept-encoding',
    ...(!isKnown && {
      'content-type': type,
      'content-length': body.length,
      ...(isZipped && { 'content-encoding': 'gzip' }),
    }),
    ...(!complete && { connection: 'close' }),
  });
  response.end(isKnown || method === 'HEAD' ? undefined : body);
}

/** The page's own script and style, by their hashes, and its own API. Text can't become a script. */
function policyOf(html: string): string {
  const hashes = (tag: string): string =>
    [...html.matchAll(new RegExp(`<${tag}[^>]*>([^]*?)</${tag}>`, 'g'))]
      .map(([, text]) => `'sha256-${createHash('sha256').update(text!).digest('base64')}'`)
      .join(' ') || "'none'";
  return [
    "default-src 'none'",
    `script-src ${hashes('script')}`,
    `style-src ${hashes('style')}`,
    "img-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join('; ');
}
