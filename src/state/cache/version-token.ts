import { wholeNumber } from '../../base/digits.js';
import { createHmac, hkdfSync, timingSafeEqual } from 'node:crypto';
import { EVERY_PARTITION, SEEN_MAX, type CarriedVersion } from './seen.js';

// `1`, then for each partition `~<partition>.<version>.<ms left>.<run>` with numbers to the base 36, then `~`
// and 128 bits of HMAC-SHA-256 as 22 characters of base64url. The partition is `x` where it stands for all.
const FORMAT = '1';
const ALL = 'x';
const MAC_BYTES = 16;
const TEXT_MAX = 1_024;
const BODY = /^1(?:~(?:x|[0-9a-z]{1,2})\.[0-9a-z]{1,11}\.[0-9a-z]{1,8}\.[A-Za-z0-9_-]{0,64}){1,8}$/;
const RUN = /^[A-Za-z0-9_-]{0,64}$/;

/** Writes down what somebody has seen, so that only we can have written it. */
export class VersionToken {
  readonly #macKeys: readonly Uint8Array[];

  /** The first secret signs, all are accepted. */
  constructor(secrets: readonly string[], cacheName: string) {
    this.#macKeys = secrets.map(
      (secret) =>
        new Uint8Array(hkdfSync('sha256', secret, 'stickyroute', `cache version v1 ${cacheName}`, 32)),
    );
  }

  write(versions: readonly CarriedVersion[]): string {
    const body =
      FORMAT +
      versions
        .map(
          ({ partition, version, leftMs, run }) =>
            `~${partition === EVERY_PARTITION ? ALL : partition.toString(36)}.${version.toString(36)}.${leftMs.toString(36)}.${RUN.test(run) ? run : ''}`,
        )
        .join('');
    return `${body}~${mac(this.#macKeys[0]!, body).toString('base64url')}`;
  }

  /** Nothing for a text that was not written with one of the secrets. */
  read(text: string): readonly CarriedVersion[] {
    if (text.length > TEXT_MAX) return [];
    const at = text.lastIndexOf('~');
    const body = text.slice(0, Math.max(0, at));
    if (!BODY.test(body)) return [];
    const given = Buffer.from(text.slice(at + 1), 'base64url');
    if (given.length !== MAC_BYTES || !this.#macKeys.some((key) => timingSafeEqual(mac(key, body), given)))
      return [];
    return body
      .split('~')
      .slice(1, 1 + SEEN_MAX)
      .map((part) => {
        const [partition, version, left, run] = part.split('.') as [string, string, string, string];
        return {
          partition: partition === ALL ? EVERY_PARTITION : wholeNumber(partition, 36),
          version: wholeNumber(version, 36),
          leftMs: wholeNumber(left, 36),
          run,
        };
      });
  }
}

function mac(key: Uint8Array, body: string): Buffer {
  return createHmac('sha256', key).update(body).digest().subarray(0, MAC_BYTES);
}
