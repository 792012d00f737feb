import type { Step } from '../store/change.js';
import type { StoredRecord } from '../store/record.js';
import type { Store } from '../store/store.js';
import {
  familyName,
  makeRefreshToken,
  readRefreshToken,
  secretHash,
  successorOf,
  writeRefreshToken,
  type RefreshToken,
} from './refresh-token.js';
import { EPOCH_FIELD, familyEndPlace, noteOf, REVOKED_INDEX, userPlace } from './revocation-record.js';
import type { Revocations } from './revocations.js';
import type { TokenContent } from './signed-token.js';
import { contended, invalidToken, misused, revokedToken } from './token-error.js';
import type { RefreshSettings, TokenSettings } from './token-options.js';

/** What a family gives the right to. */
export interface Grant extends TokenContent {
  readonly sid: string;
}

export interface Granted {
  readonly grant: Grant;
  readonly refreshToken: string;
}

interface Family extends Omit<Grant, 'sid'> {
  /** The hash of the one token that may be used. */
  readonly now: string;
}

const FORMAT = '1';
/** Each try that fails means that somebody else's went through. */
const TRIES_MAX = 50;
/** Refreshes within the grace of one. */
const HOPS_MAX = 64;

/**
 * Logins that go on by refresh tokens. All of a user's are in one partition of the store, with what is
 * revoked of the user.
 */
export class Families {
  readonly #settings: TokenSettings;
  readonly #store: Store;
  readonly #revocations: Revocations;

  constructor(settings: TokenSettings, revocations: Revocations) {
    this.#settings = settings;
    this.#revocations = revocations;
    this.#store = settings.store;
  }

  /** A new one, under the user's epoch; one that is revoked in this very moment is begun under the next. */
  async begin(sub: string, claims: string, loginAtS: number): Promise<Granted> {
    const { issuer, type, audience, random } = this.#settings;
    const { idleMs, absoluteMs } = this.#limits();
    const { partition, key: userKey } = userPlace(issuer, sub, this.#store.partitions);
    const token = makeRefreshToken(partition, random);
    const sid = familyName(token, issuer, type);
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const epoch = (await this.#store.read(partition, userKey))?.fields[EPOCH_FIELD];
      const family = {
        sub,
        claims,
        audience,
        loginAtS,
        epochMs: this.#revocations.newestEpochMs(userKey, epoch),
        now: secretHash(token),
      };
      const changed = await this.#store.change(partition, {
        requires: [{ kind: 'field', key: userKey, field: EPOCH_FIELD, text: epoch }],
        steps: [
          {
            kind: 'put',
            key: familyKey(sid),
            fields: writeFamily(family),
            ttlMs: idleMs,
            endsInMs: absoluteMs,
          },
          { kind: 'link', index: familiesIndex(userKey), member: familyKey(sid), ttlMs: absoluteMs },
        ],
      });
      if (changed.done) return { grant: { ...family, sid }, refreshToken: writeRefreshToken(token) };
    }
    throw contended(TRIES_MAX);
  }

  /**
   * Exchanges a refresh token for its successor, once. Who comes with it again within the grace (another tab,
   * a repeated request) is given what it led to; later the family ends. `claimsOf` may say what the family's
   * claims are from now on.
   */
  async refresh(text: string, claimsOf: (grant: Grant) => Promise<string>): Promise<Granted> {
    const { issuer, type, audience, random } = this.#settings;
    const { idleMs, graceMs } = this.#limits();
    const token = readRefreshToken(text, this.#store.partitions);
    if (token === undefined) throw invalidToken();
    const { partition } = token;
    const sid = familyName(token, issuer, type);
    let claims: string | undefined;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const family = await this.#read(partition, sid);
      // A family of an audience that this one does not issue for is another service's.
      if (family?.audience.some((name) => audience.includes(name)) !== true) throw invalidToken();
      const current = await this.#follow(token, family.now);
      if (current === undefined) {
        await this.end(sid, family.sub);
        this.#settings.onEvent({ type: 'refreshReused', sub: family.sub, sid });
        throw revokedToken();
      }
      claims ??= await claimsOf({ ...family, sid });
      const grant = { ...family, sid, claims };
      if (current !== token) return { grant, refreshToken: writeRefreshToken(current) };
      const salt = random.id();
      const next = successorOf(token, salt);
      const changed = await this.#store.change(partition, {
        requires: [{ kind: 'field', key: familyKey(sid), field: 'now', text: family.now }],
        steps: [
          { kind: 'merge', key: familyKey(sid), set: { now: secretHash(next), claims }, ttlMs: idleMs },
          { kind: 'put', key: graceKey(token), fields: { salt }, ttlMs: graceMs },
        ],
      });
      if (changed.done) return { grant, refreshToken: writeRefreshToken(next) };
    }
    throw contended(TRIES_MAX);
  }

  /** Ends the family of a refresh token, used or not. False: it was over already. */
  async endOf(text: string): Promise<boolean> {
    const { issuer, type } = this.#settings;
    const token = readRefreshToken(text, this.#store.partitions);
    if (token === undefined) return false;
    const sid = familyName(token, issuer, type);
    const family = await this.#read(token.partition, sid);
    if (family !== undefined) await this.end(sid, family.sub);
    return family !== undefined;
  }

  /** No token of the family is good any more, whether to refresh or to access by. */
  async end(sid: string, sub: string): Promise<void> {
    const { issuer, outlivedMs } = this.#settings;
    const user = userPlace(issuer, sub, this.#store.partitions);
    const ended = familyEndPlace(sid, this.#store.partitions);
    if (ended === undefined || ended.partition !== user.partition) return;
    const changed = await this.#store.change(user.partition, {
      steps: [
        { kind: 'remove', key: familyKey(sid) },
        { kind: 'unlink', index: familiesIndex(user.key), member: familyKey(sid) },
        { kind: 'put', key: ended.key, fields: { v: FORMAT }, ttlMs: outlivedMs },
        { kind: 'link', index: REVOKED_INDEX, member: ended.key, ttlMs: outlivedMs },
      ],
      notes: [noteOf(ended.key)],
    });
    if (changed.done) this.#revocations.learn(ended.key);
  }

  /** Ends those of a user's families whose login was up to an instant. */
  async endBefore(sub: string, beforeMs: number): Promise<void> {
    const { partition, key } = userPlace(this.#settings.issuer, sub, this.#store.partitions);
    for (const { member } of await this.#store.list(partition, familiesIndex(key))) {
      const sid = member.slice(FAMILY.length);
      const family = await this.#read(partition, sid);
      if (family !== undefined && family.loginAtS * 1000 <= beforeMs + this.#settings.toleranceMs)
        await this.end(sid, sub);
    }
  }

  #limits(): RefreshSettings {
    const { refresh } = this.#settings;
    if (refresh === undefined)
      throw misused('Refresh tokens are not switched on. Give createTokens `refresh: {}`.');
    return refresh;
  }

  async #read(partition: number, sid: string): Promise<Family | undefined> {
    const record = await this.#store.read(partition, familyKey(sid));
    return record && readFamily(record);
  }

  /** From a token to the one that may be used, by what it led to; undefined where that is no longer known. */
  async #follow(token: RefreshToken, now: string): Promise<RefreshToken | undefined> {
    let at = token;
    for (let hop = 0; hop < HOPS_MAX; hop++) {
      if (secretHash(at) === now) return at;
      const salt = (await this.#store.read(at.partition, graceKey(at)))?.fields['salt'];
      if (salt === undefined) return undefined;
      at = successorOf(at, salt);
    }
    return undefined;
  }
}

const FAMILY = 't:f:';

/** Removes all of a user's families, in the step that revokes the user. */
export function endAllSteps(userKey: string): readonly Step[] {
  return [{ kind: 'removeLinked', index: familiesIndex(userKey) }];
}

function familyKey(sid: string): string {
  return FAMILY + sid;
}

function familiesIndex(userKey: string): string {
  return `t:i:${userKey}`;
}

function graceKey(token: RefreshToken): string {
  return `t:g:${secretHash(token)}`;
}

function writeFamily({ sub, claims, audience, loginAtS, epochMs, now }: Family): Record<string, string> {
  return {
    v: FORMAT,
    sub,
    claims,
    audience: JSON.stringify(audience),
    login: String(loginAtS),
    now,
    ...(epochMs === undefined ? {} : { epoch: String(epochMs) }),
  };
}

/** Undefined for a record of another format: it counts as absent and is left alone. */
function readFamily({ fields }: StoredRecord): Family | undefined {
  const { v, sub, claims, audience, login, now, epoch } = fields;
  if (
    v !== FORMAT ||
    sub === undefined ||
    claims === undefined ||
    audience === undefined ||
    now === undefined
  )
    return undefined;
  return {
    sub,
    claims,
    audience: JSON.parse(audience) as string[],
    loginAtS: Number(login),
    now,
    epochMs: epoch === undefined ? undefined : Number(epoch),
  };
}
