import { endAllSteps, type Families } from './families.js';
import {
  noteOf,
  readUserRevocation,
  REVOKED_INDEX,
  tokenPlace,
  userPlace,
  writeUserRevocation,
  type UserRevocation,
} from './revocation-record.js';
import type { Revocations } from './revocations.js';
import { isName } from './token-claims.js';
import { contended, misused } from './token-error.js';
import type { TokenSettings } from './token-options.js';

const TRIES_MAX = 50;

/** Writes revocations into the store, and tells this process of them at once. */
export class Revoker {
  readonly #settings: TokenSettings;
  readonly #revocations: Revocations;
  readonly #families: Families;

  constructor(settings: TokenSettings, revocations: Revocations, families: Families) {
    this.#settings = settings;
    this.#revocations = revocations;
    this.#families = families;
  }

  async revoke(jti: string): Promise<void> {
    if (!isName(jti))
      throw misused('`jti` must be a text of 1 to 256 characters, as it stands in the token.');
    const { store, issuer, outlivedMs } = this.#settings;
    const { partition, key } = tokenPlace(issuer, jti, store.partitions);
    await store.change(partition, {
      steps: [
        { kind: 'put', key, fields: { v: '1' }, ttlMs: outlivedMs },
        { kind: 'link', index: REVOKED_INDEX, member: key, ttlMs: outlivedMs },
      ],
      notes: [noteOf(key)],
    });
    this.#revocations.learn(key);
  }

  async revokeUser(sub: string, before: Date | number | undefined): Promise<void> {
    if (!isName(sub)) throw misused('`sub` must be a text of 1 to 256 characters. Turn a number into text.');
    const { clock, toleranceMs } = this.#settings;
    const nowMs = clock.now();
    const isInstant = before === undefined || typeof before === 'number' || before instanceof Date;
    const beforeMs = before === undefined ? nowMs : isInstant ? Number(before) : Number.NaN;
    if (!Number.isFinite(beforeMs))
      throw misused('`before` is no date. Give a Date, or milliseconds since 1970.');
    if (beforeMs >= nowMs - 2 * toleranceMs) {
      // Epochs of a user only grow, whoever's clock they are of.
      await this.#write(
        sub,
        ({ epochMs = -Infinity, beforeMs: known }) => ({
          epochMs: Math.max(nowMs, epochMs + 1),
          beforeMs: known,
        }),
        true,
      );
      return;
    }
    await this.#write(
      sub,
      ({ epochMs, beforeMs: known = -Infinity }) => ({ epochMs, beforeMs: Math.max(beforeMs, known) }),
      false,
    );
    await this.#families.endBefore(sub, beforeMs);
  }

  /** The record is made from what it was: of two at once none undoes the other. */
  async #write(sub: string, make: (known: UserRevocation) => UserRevocation, isAll: boolean): Promise<void> {
    const { store, issuer, outlivedMs } = this.#settings;
    const { partition, key } = userPlace(issuer, sub, store.partitions);
    // The epoch matters to tokens up to `outlivedMs` younger than the revocation: whoever issues them must
    // find it till then.
    const ttlMs = 2 * outlivedMs;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const record = await store.read(partition, key);
      const revocation = make(readUserRevocation(record?.fields ?? {}));
      const changed = await store.change(partition, {
        requires: [
          record === undefined ? { kind: 'absent', key } : { kind: 'version', key, version: record.version },
        ],
        steps: [
          ...(isAll ? endAllSteps(key) : []),
          { kind: 'put', key, fields: writeUserRevocation(revocation), ttlMs },
          { kind: 'link', index: REVOKED_INDEX, member: key, ttlMs },
        ],
        notes: [noteOf(key, revocation)],
      });
      if (!changed.done) continue;
      this.#revocations.learn(key, revocation);
      return;
    }
    throw contended(TRIES_MAX);
  }
}
