import { checkNames, readDuration, type Duration } from '../../base/options.js';
import { Families } from './families.js';
import { KeyRing, type PublishedKeys } from './key-ring.js';
import { EPOCH_FIELD, userPlace } from './revocation-record.js';
import { Revocations } from './revocations.js';
import { Revoker } from './revoker.js';
import { signToken, writeClaims, type SignedToken, type TokenContent } from './signed-token.js';
import { isName, type AppClaims, type TokenClaims } from './token-claims.js';
import {
  expiredToken,
  invalidToken,
  misused,
  neitherToken,
  revokedToken,
  uncertainToken,
} from './token-error.js';
import type { TokenKeyOptions } from './token-key.js';
import { readTokenOptions, type TokenOptions, type TokenSettings } from './token-options.js';
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

export interface IssuedTokens extends SignedToken {
  /** Where `refresh` is switched on. */
  readonly refreshToken: string | undefined;
}

export interface RefreshCall<Claims extends object> {
  /** What the tokens carry from now on; what they carried before unless given. May throw, to refuse. */
  readonly claims?: ((grant: RefreshGrant<Claims>) => Claims | Promise<Claims>) | undefined;
}

export interface RevokeUserOptions {
  /** Only logins up to that instant: a Date, or milliseconds since 1970. */
  readonly before?: Date | number | undefined;
}

const ISSUE_NAMES = { sub: 1, claims: 1, ttl: 1, refresh: 1 } satisfies Record<keyof IssueOptions<object>, 1>;
const REFRESH_NAMES = { claims: 1 } satisfies Record<keyof RefreshCall<object>, 1>;
const REVOKE_USER_NAMES = { before: 1 } satisfies Record<keyof RevokeUserOptions, 1>;
const MISUSED = 'STICKY_TOKEN_MISUSED';
const UNCERTAIN_EVERY_MS = 10_000;

/**
 * Tokens of one issuer. Share one between all requests of a process; its memory and its following of the
 * store are the point.
 */
export function createTokens<Claims extends object = AppClaims>(options: TokenOptions): Tokens<Claims> {
  return new Tokens<Claims>(readTokenOptions(options), new KeyRing(options.keys));
}

export class Tokens<Claims extends object = AppClaims> {
  readonly #settings: TokenSettings;
  readonly #families: Families;
  readonly #revocations: Revocations;
  readonly #revoker: Revoker;
  readonly #verified: VerifiedTokens;
  /** Claims as `verify` gave them: the objects themselves. */
  readonly #vouched = new WeakSet<object>();
  readonly #accepts: boolean;
  #ring: KeyRing;
  #toldUncertainAtMs: number;

  constructor(settings: TokenSettings, ring: KeyRing) {
    this.#settings = settings;
    this.#ring = ring;
    this.#revocations = new Revocations(settings);
    this.#families = new Families(settings, this.#revocations);
    this.#revoker = new Revoker(settings, this.#revocations, this.#families);
    this.#verified = new VerifiedTokens(settings.remembered);
    this.#accepts = settings.onUncertain === 'accept';
    // At the beginning it takes a moment to be sure; that is nothing to tell of.
    this.#toldUncertainAtMs = settings.clock.monotonic() + settings.boundMs - UNCERTAIN_EVERY_MS;
  }

  /**
   * A token for a user who has just logged in, and a refresh token where these are switched on. Asks the
   * store once or twice.
   */
  async issue(options: IssueOptions<Claims>): Promise<IssuedTokens> {
    checkNames(options, ISSUE_NAMES, 'What `issue` is given', MISUSED);
    const { sub, claims, ttl, refresh = this.#settings.refresh !== undefined } = options;
    if (typeof refresh !== 'boolean') throw misused('`refresh` must be true or false.');
    if (!isName(sub)) throw misused('`sub` must be a text of 1 to 256 characters. Turn a number into text.');
    this.#checkCanSign();
    const text = writeClaims(claims);
    const ttlMs =
      ttl === undefined ? this.#settings.ttlMs : readDuration('ttl', ttl, 1_000, this.#settings.lifeMsMax);
    const loginAtS = this.#nowS();
    if (refresh) {
      const { grant, refreshToken } = await this.#families.begin(sub, text, loginAtS);
      return await this.#sign(grant, ttlMs, refreshToken);
    }
    const { store, issuer, audience } = this.#settings;
    const { partition, key } = userPlace(issuer, sub, store.partitions);
    const epochMs = this.#revocations.newestEpochMs(
      key,
      (await store.read(partition, key))?.fields[EPOCH_FIELD],
    );
    return await this.#sign(
      { sub, claims: text, audience, loginAtS, epochMs, sid: undefined },
      ttlMs,
      undefined,
    );
  }

  /**
   * What a token says. Rejects with `STICKY_TOKEN_EXPIRED`, `STICKY_TOKEN_REVOKED`, `STICKY_TOKEN_INVALID`,
   * or `STICKY_STORE_DOWN` where nobody can tell whether it was revoked.
   */
  verify(text: string): Promise<TokenClaims<Claims>> {
    const token = this.#verified.find(text);
    if (token === undefined) return this.#verifyNew(text);
    return (this.#holds(token) ? token.answer : this.#settle(token)) as Promise<TokenClaims<Claims>>;
  }

  /**
   * At once: what a token says that was verified before and still holds. Undefined for any other: ask
   * `verify`.
   */
  peek(text: string): TokenClaims<Claims> | undefined {
    const token = this.#verified.find(text);
    return token !== undefined && this.#holds(token) ? (token.claims as TokenClaims<Claims>) : undefined;
  }

  /**
   * New tokens for a refresh token, which is then used up. `claims` says anew what they carry, such as the
   * user's roles of today; unless given, what they carried before. Rejects with `STICKY_TOKEN_INVALID` or
   * `STICKY_TOKEN_REVOKED`.
   */
  async refresh(refreshToken: string, options: RefreshCall<Claims> = {}): Promise<IssuedTokens> {
    checkNames(options, REFRESH_NAMES, 'What `refresh` is given beside the token', MISUSED);
    const { claims } = options;
    if (claims !== undefined && typeof claims !== 'function')
      throw misused(
        '`claims` of `refresh` must be a function, such as ({ sub }) => ({ role: roleOf(sub) }).',
      );
    this.#checkCanSign();
    const granted = await this.#families.refresh(refreshToken, async (grant) => {
      return claims === undefined
        ? grant.claims
        : writeClaims(
            await claims({ sub: grant.sub, sid: grant.sid, claims: JSON.parse(grant.claims) as Claims }),
          );
    });
    return await this.#sign(granted.grant, this.#settings.ttlMs, granted.refreshToken);
  }

  /** Ends one access token, by its `jti`. */
  async revoke(jti: string): Promise<void> {
    await this.#revoker.revoke(jti);
  }

  /**
   * Ends all that a user has: access tokens and refresh tokens, of every login so far. `before`: only of
   * logins up to that instant, by the clocks of who issued them; one within twice the `tolerance` of now, or
   * later, counts as now.
   */
  async revokeUser(sub: string, options: RevokeUserOptions = {}): Promise<void> {
    checkNames(options, REVOKE_USER_NAMES, 'What `revokeUser` is given beside the user', MISUSED);
    await this.#revoker.revokeUser(sub, options.before);
  }

  /**
   * Ends one login: given its refresh token, used or not, or the claims of an access token, which must be the
   * very object that `verify` or `peek` gave. No token that descends from it is good any more. False: there
   * was nothing to end.
   */
  async logout(whom: string | TokenClaims<Claims>): Promise<boolean> {
    if (typeof whom === 'string') return await this.#families.endOf(whom);
    // Anybody can read or write these fields. Only what we verified is taken at its word.
    if (typeof whom !== 'object' || whom === null || !this.#vouched.has(whom)) throw neitherToken();
    const { sub, jti, sid } = whom as TokenClaims;
    await this.revoke(jti);
    if (sid !== undefined) await this.#families.end(sid, sub);
    return true;
  }

  /**
   * What others need to verify these tokens: a JSON Web Key Set, of public keys alone. Serve it at
   * `/.well-known/jwks.json`.
   */
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
      this.#vouched.add(token.claims);
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
    if (this.#settings.onUncertain === 'ask' && (await this.#revocations.ask(token.marks)))
      throw revokedToken();
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

  /** Before anything is stored or used up. */
  #checkCanSign(): void {
    this.#ring.signer(this.#settings.clock.now());
  }

  async #sign(content: TokenContent, ttlMs: number, refreshToken: string | undefined): Promise<IssuedTokens> {
    return { ...(await signToken(content, ttlMs, this.#ring, this.#settings)), refreshToken };
  }

  #nowS(): number {
    return Math.floor(this.#settings.clock.now() / 1000);
  }
}
