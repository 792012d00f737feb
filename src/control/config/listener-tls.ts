import { createSecureContext } from 'node:tls';
import { z } from 'zod';
import { TLS_VERSIONS, type TlsVersion } from '../../proxy/wire.js';
import { kindOf } from './messages.js';
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

/** `tls:` of the gateway. */
export const listenerTls = z.strictObject({
  cert: words('cert: cert.pem'),
  key: words('key: key.pem'),
  minVersion: minVersion.prefault('TLSv1.2'),
  ciphers: ciphers.prefault(DEFAULT_CIPHERS),
});
