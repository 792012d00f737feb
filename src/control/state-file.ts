import { mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { open, rename } from 'node:fs/promises';
import { dirname } from 'node:path';
import type { Logger } from 'pino';
import { z } from 'zod';
import { causeOf } from '../base/cause.js';
import type { Clock } from '../base/clock.js';
import { StickyError } from '../base/errors.js';
import type { Standing } from '../route/pool/standing.js';
import { readBounded } from './config/bounded-file.js';
import { weightProblem } from './config/upstreams.js';
import type { SavedWord } from './word.js';

/** 4096 upstreams in each of 16 pools have less. */
const FILE_BYTES_MAX = 32 * 1024 * 1024;
const OWN_MODE = 0o600;

const number = z.number().min(0);
const standing: z.ZodType<Standing> = z.union([
  z.enum(['in', 'leaving', 'out']),
  z.strictObject({
    leaving: z.strictObject({ seed: z.int(), fromMs: number, untilMs: number, quietMs: number }),
  }),
]);
const saved: z.ZodType<{ version: 1; words: SavedWord[] }> = z.strictObject({
  version: z.literal(1),
  words: z.array(
    z.strictObject({
      pool: z.string(),
      upstream: z.string(),
      url: z.string(),
      standing: standing.optional(),
      weight: z
        .number()
        .refine((weight) => weightProblem(weight) === undefined)
        .optional(),
    } satisfies Record<keyof SavedWord, z.ZodType>),
  ),
});

/** Keeps operators' words over restarts. A word is on the disk before its verb is answered. */
export class StateFile {
  readonly path: string;
  /** What it held when it was opened. */
  readonly words: readonly SavedWord[];
  /** Why the last change is not in the file; undefined: it is. */
  problem: string | undefined;
  readonly #logger: Logger;
  #text: string;
  #saving: Promise<void> = Promise.resolve();

  /** Throws STICKY_STATE_UNREADABLE. A file that makes no sense is set aside: nothing of it is lost. */
  constructor(path: string, logger: Logger, clock: Clock) {
    this.path = path;
    this.#logger = logger;
    const words = this.#read(clock);
    this.words = words ?? [];
    this.#text = textOf(this.words);
    // Now, not when somebody drains at three in the morning: can it be written?
    if (words === undefined) {
      try {
        mkdirSync(dirname(path), { recursive: true });
        writeFileSync(path, this.#text, { mode: OWN_MODE });
      } catch (error) {
        throw this.#trouble('written', error);
      }
    }
  }

  /** Resolves when the words are on the disk, or can't be. */
  save(words: readonly SavedWord[]): Promise<void> {
    const text = textOf(words);
    this.#saving = this.#saving.then(async () => {
      if (text === this.#text) return;
      try {
        await this.#write(text);
        this.#text = text;
        if (this.problem !== undefined)
          this.#logger.info({ file: this.path }, 'the state file is written again');
        this.problem = undefined;
      } catch (error) {
        const cause = causeOf(error) ?? String(error);
        if (this.problem === undefined)
          this.#logger.error(
            { file: this.path, cause },
            `the state file ${this.path} can't be written (${cause}), so a restart forgets the last change; it is tried again`,
          );
        this.problem = cause;
      }
    });
    return this.#saving;
  }

  /** Whole or not at all: a new file takes the place of the old one once it is on the disk. */
  async #write(text: string): Promise<void> {
    const next = `${this.path}.new`;
    const file = await open(next, 'w', OWN_MODE);
    try {
      await file.writeFile(text);
      await file.sync();
    } finally {
      await file.close();
    }
    await rename(next, this.path);
    const folder = await open(dirname(this.path), 'r');
    await folder.sync().finally(() => folder.close());
  }

  #read(clock: Clock): readonly SavedWord[] | undefined {
    let text: string;
    try {
      text = readBounded(this.path, FILE_BYTES_MAX).toString('utf8');
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
      throw this.#trouble('read', error);
    }
    try {
      return saved.parse(JSON.parse(text)).words;
    } catch {
      const aside = `${this.path}.broken-${clock.now()}`;
      try {
        renameSync(this.path, aside);
      } catch (error) {
        throw this.#trouble('set aside', error);
      }
      this.#logger.error(
        { file: this.path, aside },
        `the state file ${this.path} makes no sense; it is now ${aside}, and what operators said before the start does not count`,
      );
      return undefined;
    }
  }

  #trouble(what: string, error: unknown): StickyError {
    const cause = causeOf(error) ?? String(error);
    return new StickyError(
      'STICKY_STATE_UNREADABLE',
      `The stateFile ${this.path} can't be ${what} (${cause}). Give this user the right to it and its folder, or name another file.`,
      { cause: error },
    );
  }
}

function textOf(words: readonly SavedWord[]): string {
  return `${JSON.stringify({ version: 1, words }, null, 2)}\n`;
}
