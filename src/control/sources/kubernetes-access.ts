import { resolve } from 'node:path';
import { isIPv6 } from 'node:net';
import { readBounded } from '../config/bounded-file.js';
import { reason } from '../config/certificates.js';
import type { KubernetesSourceOptions } from './kubernetes-options.js';
import { KubernetesFailure } from './kubernetes-failure.js';

/** Where a pod finds what it may call the API server with. */
const ACCOUNT = '/var/run/secrets/kubernetes.io/serviceaccount';
const CA_BYTES_MAX = 1024 * 1024;
const TOKEN_BYTES_MAX = 64 * 1024;

/** How the API server is called. */
export interface KubernetesAccess {
  /** Its origin. */
  readonly server: string;
  readonly ca: Buffer | undefined;
  readonly token: string | undefined;
  readonly namespace: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Read anew for every call, because tokens are replaced about once an hour, and authorities sometimes. Throws
 * a KubernetesFailure, which names files and never shows what is in them.
 */
export function readAccess(
  { server, caFile, tokenFile, namespace }: KubernetesSourceOptions,
  folder: string,
  env: Environment,
): KubernetesAccess {
  const isOwn = server === undefined;
  const ca = caFile ?? (isOwn ? `${ACCOUNT}/ca.crt` : undefined);
  const token = tokenFile ?? (isOwn ? `${ACCOUNT}/token` : undefined);
  const origin = server ?? clusterServer(env);
  return {
    server: origin,
    ca: ca === undefined ? undefined : readFile(resolve(folder, ca), CA_BYTES_MAX),
    token: token === undefined ? undefined : readToken(resolve(folder, token)),
    namespace: namespace ?? (isOwn ? ownNamespace() : 'default'),
  };
}

function clusterServer(env: Environment): string {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'] ?? '443';
  if (host === undefined || host === '')
    throw new KubernetesFailure(
      'KUBERNETES_SERVICE_HOST is not set, so this is no pod. Write server, caFile and tokenFile.',
    );
  return `https://${isIPv6(host) ? `[${host}]` : host}:${port}`;
}

function ownNamespace(): string {
  try {
    return readBounded(`${ACCOUNT}/namespace`, 1024).toString('utf8').trim();
  } catch {
    return 'default';
  }
}

function readToken(path: string): string {
  const token = readFile(path, TOKEN_BYTES_MAX).toString('latin1').trim();
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new KubernetesFailure(`${path} holds no token.`);
}

function readFile(path: string, bytesMax: number): Buffer {
  try {
    return readBounded(path, bytesMax);
  } catch (error) {
    throw new KubernetesFailure(`It needs ${path}, ${reason(error)}`);
  }
}
