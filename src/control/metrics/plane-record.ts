import { createHmac, X509Certificate } from 'node:crypto';
import type { Config } from '../config/config.js';
import type { CertificateMetrics, ReloadMetrics } from './snapshot.js';

/** What became of reloads, and what is in use since. */
export class PlaneRecord {
  #succeeded = 0;
  #failed = 0;
  #hasLastSucceeded = true;
  #configuredAtMs: number;
  #configHash: string;
  #certificates: readonly CertificateMetrics[];

  constructor(config: Config, nowMs: number) {
    this.#configuredAtMs = nowMs;
    this.#configHash = hashOf(config);
    this.#certificates = endsOf(config);
  }

  succeeded(config: Config, nowMs: number): void {
    this.#succeeded++;
    this.#hasLastSucceeded = true;
    this.#configuredAtMs = nowMs;
    this.#configHash = hashOf(config);
    this.#certificates = endsOf(config);
  }

  failed(): void {
    this.#failed++;
    this.#hasLastSucceeded = false;
  }

  get reloads(): ReloadMetrics {
    return {
      succeeded: this.#succeeded,
      failed: this.#failed,
      hasLastSucceeded: this.#hasLastSucceeded,
      configuredAtMs: this.#configuredAtMs,
      configHash: this.#configHash,
    };
  }

  get certificates(): readonly CertificateMetrics[] {
    return this.#certificates;
  }
}

const HASH_CHARACTERS = 12;

/**
 * Keyed with the first key, so that the hash tells nothing of a weak secret that the configuration holds: who
 * reads it can't try secrets against it.
 */
function hashOf({ keys, ...config }: Config): string {
  let text: string;
  try {
    text = JSON.stringify(config, (_, value: unknown) =>
      value instanceof RegExp || typeof value === 'bigint' ? String(value) : value,
    );
  } catch {
    // A kind of the app's own may have options that refer to themselves.
    return 'unknown';
  }
  return createHmac('sha256', keys[0] ?? '')
    .update(text)
    .digest('hex')
    .slice(0, HASH_CHARACTERS);
}

const PEM = /-----BEGIN CERTIFICATE-----[^]*?-----END CERTIFICATE-----/g;

function endsOf({ tls, pools }: Config): CertificateMetrics[] {
  const listener = (tls?.certificates ?? []).map(({ cert }) => cert.text).join('\n');
  const authorities = pools.map((pool) => [pool.name, pool.tls.ca?.text ?? ''] as const);
  return [['listener', listener] as const, ...authorities].flatMap(([name, text]) => {
    const ends = [...text.matchAll(PEM)].flatMap(([pem]) => endOf(pem));
    return ends.length === 0 ? [] : [{ name, notAfterMs: Math.min(...ends) }];
  });
}

function endOf(pem: string): number[] {
  try {
    const end = Date.parse(new X509Certificate(pem).validTo);
    return Number.isFinite(end) ? [end] : [];
  } catch {
    return [];
  }
}
