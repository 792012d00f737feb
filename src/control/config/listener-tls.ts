import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { TLS_VERSIONS, type TlsVersion } from '../../proxy/wire.js';
import { kindOf } from './messages.js';
import { nested } from './nested.js';
import { reads, words, Wrong } from './values.js';

const CIPHERS_CHARS_MAX = 4096;

/**
 * Forward secrecy and authenticated encryption only: what every browser since 2014 can do, and what Mozilla
 * recommends for TLS 1.2 ("intermediate", version 5.7), without DHE.
 */
export const DEFAULT_CIPHERS = [
  'TLS_AES_128_GCM_SHA256',
  'TLS_AES_256_GCM_SHA384',
  'TLS_CHACHA20_POLY1305_SHA256',
  'ECDHE-ECDSA-AES128-GCM-SHA256',
  'ECDHE-RSA-AES128-GCM-SHA256',
  'ECDHE-ECDSA-AES256-GCM-SHA384',
  'ECDHE-RSA-AES256-GCM-SHA384',
  'ECDHE-ECDSA-CHACHA20-POLY1305',
  'ECDHE-RSA-CHACHA20-POLY1305',
].join(':');

const minVersion = reads((value): TlsVersion | Wrong => {
  const version = TLS_VERSIONS.find((each) => each === value);
  if (version !== undefined) return version;
  const isOld = /^(?:SSL|TLS)?\s*v?(?:2|3|1|1\.0|1\.1)$/i.test(String(value));
  return new Wrong(
    isOld
      ? 'is a version that must not be used any more (RFC 8996). Write TLSv1.2 or TLSv1.3.'
      : 'is not a version of TLS here. Write TLSv1.2 or TLSv1.3.',
  );
});

const ciphers = reads((value): string | Wrong => {
  if (typeof value !== 'string') return new Wrong(`must be text, not ${kindOf(value)}. ${EXAMPLE}`);
  if (value.length > CIPHERS_CHARS_MAX)
    return new Wrong(`has ${value.length} characters. It may have ${CIPHERS_CHARS_MAX}.`);
  const entries = value.split(':');
  const open = entries.find((entry) => /^\+?(?:aNULL|eNULL|NULL|ADH|AECDH|COMPLEMENTOFALL)/i.test(entry));
  if (open !== undefined)
    return new Wrong(`has ${open}, which proves no identity or encrypts nothing. Remove it.`);
  // OpenSSL passes over what it doesn't know, as long as it knows anything in the list.
  const unknown = entries.find((entry) => !entry.startsWith('@') && !isKnown(entry.replace(/^[!+-]/, '')));
  if (unknown !== undefined)
    return new Wrong(
      `has ${unknown === '' ? 'an empty entry' : unknown}, which OpenSSL doesn't know. openssl ciphers -v lists what it knows. ${EXAMPLE}`,
    );
  return isKnown(value) ? value : new Wrong(`leaves no cipher that OpenSSL could use. ${EXAMPLE}`);
});

const EXAMPLE =
  'Write names with colons between: ciphers: ECDHE-RSA-AES128-GCM-SHA256:TLS_AES_128_GCM_SHA256';

function isKnown(list: string): boolean {
  if (list === '') return false;
  try {
    createSecureContext({ ciphers: list });
    return true;
  } catch {
    return false;
  }
}

const CERTIFICATES_MAX = 1000;

const pair = { cert: words('cert: cert.pem'), key: words('key: key.pem') };
const CLIENT_CERT = ['required', 'asked'] as const;

const clientCert = reads((value): (typeof CLIENT_CERT)[number] | Wrong => {
  const mode = CLIENT_CERT.find((each) => each === value);
  return (
    mode ??
    new Wrong(
      'must be required (a client without a good certificate is turned away) or asked (it may come, without a name).',
    )
  );
});

const offers = {
  clientCa: words('clientCa: clients-ca.pem').optional(),
  clientCert: clientCert.optional(),
  minVersion: minVersion.prefault('TLSv1.2'),
  ciphers: ciphers.prefault(DEFAULT_CIPHERS),
};

const pairs: z.ZodType<readonly CertificatePaths[]> = z.unknown().transform((value, context) => {
  if (!Array.isArray(value) || value.length === 0 || value.length > CERTIFICATES_MAX) {
    context.addIssue({
      code: 'custom',
      message: `must be a list of 1 to ${CERTIFICATES_MAX} certificates. Write certificates: [{ cert: a.pem, key: a-key.pem }].`,
    });
    return z.NEVER;
  }
  return value
    .map((item, at) => nested(z.strictObject(pair), item, context, [at]))
    .filter((item) => item !== undefined);
});

const one = z.strictObject({ ...pair, ...offers });
const several = z.strictObject({ certificates: pairs, ...offers });

interface CertificatePaths {
  readonly cert: string;
  readonly key: string;
}

export interface ListenerTlsRead {
  /** Paths, as they were written. */
  readonly certificates: readonly CertificatePaths[];
  /** They stand in a list. */
  readonly isList: boolean;
  readonly clientCa?: string | undefined;
  readonly clientCert?: (typeof CLIENT_CERT)[number] | undefined;
  readonly minVersion: TlsVersion;
  readonly ciphers: string;
}

/** `tls:` of the gateway: `{ cert, key }`, or `{ certificates: [{ cert, key }, …] }`. */
export const listenerTls: z.ZodType<ListenerTlsRead> = z.unknown().transform((value, context) => {
  const isSet = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (isSet && Object.hasOwn(value, 'certificates'))
    return nested(several, value, context, [], (read) => ({ ...read, isList: true })) ?? z.NEVER;
  return (
    nested(one, value, context, [], ({ cert, key, ...read }) => ({
      ...read,
      certificates: [{ cert, key }],
      isList: false,
    })) ?? z.NEVER
  );
});
