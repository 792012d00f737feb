import type { z } from 'zod';
import type { Random } from '../../base/random.js';
import type { Rule } from './rule.js';

/** What a rule may need from outside itself. */
export interface RuleContext {
  /** The name of the route: a sealed cookie of one route means nothing to another. */
  readonly route: string;
  /** Secrets for sealing, at least one: the first seals, all open. */
  readonly keys: readonly string[];
  /** For the identities of new bindings. */
  readonly random: Random;
  /** Makes the function that checks bearer tokens. Given from outside because it may fetch keys. */
  tokenVerifier(options: TokenVerifierOptions): TokenVerifier;
}

/** How a bearer token's signature is checked: with one of the two, never both. */
export interface TokenVerifierOptions {
  readonly secret?: string | undefined;
  readonly jwks?: string | undefined;
  readonly algorithms?: readonly string[] | undefined;
  readonly issuer?: string | undefined;
  readonly audience?: string | undefined;
}

/**
 * Resolves with the claims of a token whose signature, issuer and audience hold; rejects otherwise. Times are
 * the rule's to check.
 */
export type TokenVerifier = (token: string) => Promise<Readonly<Record<string, unknown>>>;

/**
 * A kind of rule, as the registry knows it: its name in `affinity:`, how its options are written, and how it
 * is made.
 */
export interface RuleDefinition<Options = unknown> {
  readonly name: string;
  readonly options: z.ZodType<Options>;
  /** Its bindings are for another rule to take over: one that binds must stand before it. */
  readonly handsOver?: true;
  /** It finds a key in every request, so that a rule behind it is never asked. */
  readonly alwaysFinds?: true;
  /** It follows bindings that somebody else writes, and finds no key. */
  readonly followsOnly?: true;
  create(options: Options, context: RuleContext): Rule;
}
