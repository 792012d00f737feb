import { z } from 'zod';
import type { Balance } from './balance.js';

/**
 * A kind of balance, as the registry knows it. Each use gets a balance of its own, since some keep their
 * place.
 */
export interface BalanceDefinition<Options = unknown> {
  readonly name: string;
  readonly options: z.ZodType<Options>;
  create(options: Options): Balance;
}

/** For a balance that has no options. */
export const NO_OPTIONS = z.strictObject({});
