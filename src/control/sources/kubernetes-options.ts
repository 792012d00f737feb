import { z } from 'zod';
import { kindOf } from '../config/messages.js';
import { flag, reads, words, Wrong } from '../config/values.js';

export interface KubernetesSourceOptions {
  readonly service: string;
  /** The name or number of a port of the slices; undefined: the only one. */
  readonly port: string | number | undefined;
  /** Undefined: that of this pod. */
  readonly namespace: string | undefined;
  readonly isHttps: boolean;
  readonly serverName: string | undefined;
  readonly family: '4' | '6' | undefined;
  /** Origin of the API server; undefined: that of this cluster. */
  readonly server: string | undefined;
  readonly caFile: string | undefined;
  readonly tokenFile: string | undefined;
}

/** RFC 1123: a label. */
function label(example: string): z.ZodType<string> {
  return reads((value): string | Wrong =>
    typeof value === 'string' && /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(value)
      ? value
      : new Wrong(`is not a name in Kubernetes. Write one such as ${example}.`),
  );
}

const port = reads((value): string | number | Wrong => {
  const number = typeof value === 'string' && /^\d{1,5}$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isInteger(number) && number >= 1 && number <= 65535) return number;
  return typeof value === 'string' && /^(?=.*[a-z])[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/.test(value)
    ? value
    : new Wrong(`is not the name or number of a port, but ${kindOf(value)}. Write port: http.`);
});

const server = reads((value): string | Wrong => {
  if (typeof value !== 'string' || !/^https?:\/\//.test(value) || !URL.canParse(value))
    return new Wrong('is not a URL. Write server: https://10.96.0.1:443.');
  const { origin, pathname, search, hash, username, password } = new URL(value);
  return pathname === '/' && `${search}${hash}${username}${password}` === ''
    ? origin
    : new Wrong('has more than scheme, host and port. Write server: https://10.96.0.1:443.');
});

const family = reads((value): '4' | '6' | Wrong => {
  const text = String(value);
  return text === '4' || text === '6' ? text : new Wrong('is none. Write 4 or 6.');
});

/** `{ service: api, port: http }` */
export const kubernetesOptions: z.ZodType<KubernetesSourceOptions> = z
  .strictObject({
    service: label('api'),
    port: port.optional(),
    namespace: label('default').optional(),
    https: flag.default(false),
    serverName: words('serverName: api.default.svc').optional(),
    family: family.optional(),
    server: server.optional(),
    caFile: words('caFile: ca.crt').optional(),
    tokenFile: words('tokenFile: token').optional(),
  })
  .transform(({ https, ...read }) => ({
    isHttps: https,
    service: read.service,
    port: read.port,
    namespace: read.namespace,
    serverName: read.serverName,
    family: read.family,
    server: read.server,
    caFile: read.caFile,
    tokenFile: read.tokenFile,
  }));
