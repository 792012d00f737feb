import { SignJWT } from 'jose';
import { endAllSteps, Families, type Grant } from './families.js';
import { KeyRing, type PublishedKeys } from './key-ring.js';
import { EPOCH_FIELD, noteOf, readUserRevocation, REVOKED_INDEX, tokenPlace, userPlace, writeUserRevocation, type UserRevocation } from './revocation-record.js';
import { Revocations } from './revocations.js';
import { isName, OWN_CLAIMS, type AppClaims, type TokenClaims } from './token-claims.js';
import { contended, expiredToken, invalidToken, misused, revokedToken, uncertainToken } from './token-error.js';
import type { TokenKeyOptions } from './token-key.js';
import { readDuration, readOptions, type Duration, type TokenOptions, type TokenSettings } from './token-options.js';
import { TOKEN_CHARACTERS_MAX } from './token-text.js';
import { verifyText, type VerifiedToken } from './verified-token.js';
import { VerifiedTokens } from './verified-tokens.js';

export interface IssueOptions<Claims extends object> {
  /** Whose it is: 1 to 256 characters. */
  readonly sub: string;
  /** What else it says. Anybody who holds the token can read it. */
  readonly claims?: Claims | undefined;
  /** How long the access token lives, up to `ttlMax`; the `ttl` of createTokens unless set. */
  readonly ttl?: Duration | undefined;
  /** False: no refresh token. */
  readonly refresh?: boolean | undefined;
}

export interface RefreshGrant<Claims extends object> {
  readonly sub: string;
  readonly sid: string;
  readonly claims: Claims;
}

export interface IssuedTokens {
  readonly accessToken: string;
  /** How long the access token lives, in milliseconds. */
  readonly ttlMs: number;
  /** Where `refresh` is switched on. */
  readonly refreshToken: string | undefined;
  readonly sub: string;
  /** Names the access token, for `revoke`. */
  readonly jti: string;
  /** Names the login that it descends from; undefined without a refresh token. */
  readonly sid: string | undefined;
}

const UNCERTAIN_EVERY_MS = 10_000;
const TRIES_MAX = 50;

/** Tokens of one issuer. Share one between all requests of a process; its memory and its following of the store are the point. */
export function createTokens<Claims extends object = AppClaims>(options: TokenOptions): Tokens<Claims> {
  return new Tokens<Claims>(readOptions(options), new KeyRing(options.keys));
}

export class Tokens<Claims extends object = AppClaims> {
  readonly #settings: TokenSettings;
  readonly #families: Families;
  readonly #revocations: Revocations;
  readonly #verified: VerifiedTokens;
  readonly #accepts: boolean;
  #ring: KeyRing;
  #toldUncertainAtMs: number;

  constructor(settings: TokenSettings, ring: KeyRing) {
    this.#settings = settings;
    this.#ring = ring;
    this.#revocations = new Revocations(settings);
    this.#families = new Families(settings, this.#revocations);
    this.#verified = new VerifiedTokens(settings.remembered);
    this.#accepts = settings.onUncertain === 'accept';
    // At the beginning it takes a moment to be sure; that is nothing to tell of.
    this.#toldUncertainAtMs = settings.clock.monotonic() + settings.boundMs - UNCERTAIN_EVERY_MS;
  }

  /** A token for a user who has just logged in, and a refresh token where these are switched on. Asks the store once or twice. */
  async issue({ sub, claims, ttl, refresh = this.#settings.refresh !== undefined }: IssueOptions<Claims>): Promise<IssuedTokens> {
    if (!isName(sub)) throw misused('`sub` must be a text of 1 to 256 characters. Turn a number into text.');
    const text = writeClaims(claims);
    const ttlMs = ttl === undefined ? this.#settings.ttlMs : readDuration('ttl', ttl, 1_000, this.#settings.lifeMsMax);
    const loginAtS = this.#nowS();
    if (refresh) {
      const { grant, refreshToken } = await this.#families.begin(sub, text, loginAtS);
      return await this.#sign(grant, ttlMs, refreshToken);
    }
    const { store, issuer, audience } = this.#settings;
    const { partition, key } = userPlace(issuer, sub, store.partitions);
    const epochMs = this.#revocations.newestEpochMs(key, (await store.read(partition, key))?.fields[EPOCH_FIELD]);
    return await this.#sign({ sub, claims: text, audience, loginAtS, epochMs, sid: undefined }, ttlMs, undefined);
  }

  /**
   * What a token says. Rejects with `STICKY_TOKEN_EXPIRED`, `STICKY_TOKEN_REVOKED`, `STICKY_TOKEN_INVALID`, or `STICKY_STORE_DOWN`
   * where nobody can tell whether it was revoked.
   */
  verify(text: string): Promise<TokenClaims<Claims>> {
    const token = this.#verified.find(text);
    if (token === undefined) return this.#verifyNew(text);
    return (this.#holds(token) ? token.answer : this.#settle(token)) as Promise<TokenClaims<Claims>>;
  }

  /** At once: what a token says that was verified before and still holds. Undefined for any other: ask `verify`. */
  peek(text: string): TokenClaims<Claims> | undefined {
    const token = this.#verified.find(text);
    return token !== undefined && this.#holds(token) ? (token.claims as TokenClaims<Claims>) : undefined;
  }

  /**
   * New tokens for a refresh token, which is then used up. `claims` says anew what they carry, such as the user's roles of today; unless
   * given, what they carried before. Rejects with `STICKY_TOKEN_INVALID` or `STICKY_TOKEN_REVOKED`.
   */
  async refresh(refreshToken: string, { claims }: { readonly claims?: ((grant: RefreshGrant<Claims>) => Claims | Promise<Claims>) | undefined } = {}): Promise<IssuedTokens> {
    const granted = await this.#families.refresh(refreshToken, async (grant) => {
      return claims === undefined ? grant.claims : writeClaims(await claims({ sub: grant.sub, sid: grant.sid, claims: JSON.parse(grant.claims) as Claims }));
    });
    return await this.#sign(granted.grant, this.#settings.ttlMs, granted.refreshToken);
  }

  /** Ends one access token, by its `jti`. */
  async revoke(jti: string): Promise<void> {
    if (!isName(jti)) throw misused('`jti` must be a text of 1 to 256 characters, as it stands in the token.');
    const { store, issuer, outlivedMs } = this.#settings;
    const { partition, key } = tokenPlace(issuer, jti, store.partitions);
    const changed = await store.change(partition, {
      steps: [
        { kind: 'put', key, fields: { v: '1' }, ttlMs: outlivedMs },
        { kind: 'link', index: REVOKED_INDEX, member: key, ttlMs: outlivedMs },
      ],
      notes: [noteOf(key)],
    });
    if (changed.done) this.#revocations.learn(key);
  }

  /**
   * Ends all that a user has: access tokens and refresh tokens, of every login so far. `before`: only of logins up to that instant, by
   * the clocks of who issued them; one within twice the `tolerance` of now, or later, counts as now.
   */
  async revokeUser(sub: string, { before }: { readonly before?: Date | number | undefined } = {}): Promise<void> {
    if (!isName(sub)) throw misused('`sub` must be a text of 1 to 256 characters. Turn a number into text.');
    const nowMs = this.#settings.clock.now();
    const beforeMs = before === undefined ? nowMs : Number(before);
    if (!Number.isFinite(beforeMs)) throw misused('`before` is no date. Give a Date, or milliseconds since 1970.');
    if (beforeMs >= nowMs - 2 * this.#settings.toleranceMs) {
      // Epochs of a user only grow, whoever's clock they are of.
      await this.#revokeUser(sub, ({ epochMs = -Infinity, beforeMs: known }) => ({ epochMs: Math.max(nowMs, epochMs + 1), beforeMs: known }), true);
      return;
    }
    await this.#revokeUser(sub, ({ epochMs, beforeMs: known = -Infinity }) => ({ epochMs, beforeMs: Math.max(beforeMs, known) }), false);
    await this.#families.endBefore(sub, beforeMs);
  }

  /**
   * Ends one login: given its refresh token, used or not, or the claims of a verified token. No token that descends from it is good any
   * more. False: there was nothing to end.
   */
  async logout(whom: string | TokenClaims<Claims>): Promise<boolean> {
    if (typeof whom === 'string') return await this.#families.endOf(whom);
    const { sub, jti, sid } = whom as TokenClaims;
    await this.revoke(jti);
    if (sid !== undefined) await this.#families.end(sid, sub);
    return true;
  }

  /** What others need to verify these tokens: a JSON Web Key Set, of public keys alone. Serve it at `/.well-known/jwks.json`. */
  jwks(): PublishedKeys {
    return this.#ring.published;
  }

  /** Other keys from now on. What was verified by the old ones is forgotten. */
  setKeys(keys: readonly TokenKeyOptions[]): void {
    this.#ring = new KeyRing(keys);
    this.#verified.clear();
  }

  /** Stops following the store. Not the store itself. */
  close(): void {
    this.#revocations.stop();
  }

  async #verifyNew(text: string): Promise<TokenClaims<Claims>> {
    for (;;) {
      const ring = this.#ring;
      const token = await verifyText(text, ring, this.#settings);
      await this.#settle(token);
      // The keys were changed meanwhile: what the old ones say counts no more.
      if (ring !== this.#ring) continue;
      this.#verified.add(token);
      return token.claims as TokenClaims<Claims>;
    }
  }

  /** True when nothing is to be asked or said. On the way of every request, so it is short. */
  #holds(token: VerifiedToken): boolean {
    const nowMs = this.#settings.clock.now();
    if (nowMs >= token.untilMs || nowMs < token.fromMs) return false;
    if (token.edition !== this.#revocations.edition) {
      if (this.#revocations.isRevoked(token.marks)) return false;
      token.edition = this.#revocations.edition;
    }
    return this.#revocations.isSure(token.marks) || (this.#accepts && this.#tellUncertain());
  }

  /** Says what is wrong, or asks the store. */
  async #settle(token: VerifiedToken): Promise<TokenClaims> {
    const nowMs = this.#settings.clock.now();
    if (nowMs >= token.untilMs) throw expiredToken();
    if (nowMs < token.fromMs) throw invalidToken();
    if (this.#revocations.isRevoked(token.marks)) throw revokedToken();
    if (this.#revocations.isSure(token.marks)) return token.claims;
    this.#tellUncertain();
    if (this.#settings.onUncertain === 'reject') throw uncertainToken();
    if (this.#settings.onUncertain === 'ask' && (await this.#revocations.ask(token.marks))) throw revokedToken();
    return token.claims;
  }

  #tellUncertain(): true {
    const nowMs = this.#settings.clock.monotonic();
    if (nowMs - this.#toldUncertainAtMs >= UNCERTAIN_EVERY_MS) {
      this.#toldUncertainAtMs = nowMs;
      this.#settings.onEvent({ type: 'uncertain', outcome: this.#settings.onUncertain });
    }
    return true;
  }

  async #sign({ sub, sid, claims, audience, loginAtS, epochMs }: Omit<Grant, 'sid'> & { readonly sid: string | undefined }, ttlMs: number, refreshToken: string | undefined): Promise<IssuedTokens> {
    const { issuer, type, clock, random } = this.#settings;
    const key = this.#ring.signer(clock.now());
    const iat = this.#nowS();
    const jti = random.id();
    const ttlS = Math.floor(ttlMs / 1000);
    const own = { iss: issuer, sub, aud: audience.length === 1 ? audience[0]! : [...audience], iat, exp: iat + ttlS, jti, auth_time: loginAtS };
    const payload = { ...(JSON.parse(claims) as object), ...own, ...(sid === undefined ? {} : { sid }), ...(epochMs === undefined ? {} : { epoch: epochMs }) };
    const accessToken = await new SignJWT(payload).setProtectedHeader({ alg: key.alg, kid: key.id, typ: type }).sign(key.signing);
    if (accessToken.length > TOKEN_CHARACTERS_MAX) throw misused(`With these claims the token has ${accessToken.length} characters, and ${TOKEN_CHARACTERS_MAX} is the most. Keep them elsewhere, under the user's id.`);
    return { accessToken, ttlMs: ttlS * 1000, refreshToken, sub, jti, sid };
  }

  /** The record is made from what it was: of two at once none undoes the other. */
  async #revokeUser(sub: string, make: (known: UserRevocation) => UserRevocation, isAll: boolean): Promise<void> {
    const { store, issuer, outlivedMs } = this.#settings;
    const { partition, key } = userPlace(issuer, sub, store.partitions);
    // The epoch matters to tokens up to `outlivedMs` younger than the revocation: whoever issues them must find it till then.
    const ttlMs = 2 * outlivedMs;
    for (let tries = 0; tries < TRIES_MAX; tries++) {
      const record = await store.read(partition, key);
      const revocation = make(readUserRevocation(record?.fields ?? {}));
      const changed = await store.change(partition, {
        requires: [record === undefined ? { kind: 'absent', key } : { kind: 'version', key, version: record.version }],
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

  #nowS(): number {
    return Math.floor(this.#settings.clock.now() / 1000);
  }
}

/** As JSON, whole. */
function writeClaims(claims: object | undefined): string {
  if (claims === undefined) return '{}';
  if (typeof claims !== 'object' || claims === null || Array.isArray(claims)) throw misused('`claims` must be a plain object, such as { role: \'admin\' }.');
  const taken = OWN_CLAIMS.find((name) => Object.hasOwn(claims, name));
  if (taken !== undefined) throw misused(`\`claims\` has ${taken}, which is written by us. Give what you mean another name.`);
  try {
    return JSON.stringify(claims);
  } catch {
    throw misused('`claims` can\'t be written as JSON: they refer to themselves, or hold a BigInt.');
  }
}
