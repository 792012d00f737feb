import { statSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { z } from 'zod';
import type { Clock, Timer } from '../../base/clock.js';
import { StickyError } from '../../base/errors.js';
import { shorthand } from '../../route/affinity/options.js';
import type { Source, SourceDefinition, SourceListener } from '../../route/pool/source.js';
import { readBounded } from '../config/bounded-file.js';
import { reason } from '../config/certificates.js';
import { duration, words } from '../config/values.js';
import { FolderWatch } from './folder-watch.js';
import { readUpstreamList } from './upstream-list.js';

/** A list of 4096 upstreams has a quarter of this. */
const FILE_BYTES_MAX = 1024 * 1024;
/** Who writes a file in several steps is waited for, but not for ever. */
const QUIET_MS = 100;
const QUIET_MS_MAX = 2000;

export interface FileSourceOptions {
  readonly path: string;
  /** How often the file is looked at where the system tells nothing of changes. */
  readonly everyMs: number;
}

/** A list in a file: `file: upstreams.yaml`. */
export const fileSource: SourceDefinition<FileSourceOptions> = {
  name: 'file',
  options: shorthand(
    'path',
    z
      .strictObject({
        path: words('file: upstreams.yaml'),
        every: duration({ min: 100, max: 3_600_000 }).default(5000),
      })
      .transform(({ path, every }): FileSourceOptions => ({ path, everyMs: every })),
  ),
  subject: ({ path }) => path,
  create: ({ path, everyMs }, { clock, folder }) =>
    new FileSource(resolve(folder, path), path, everyMs, clock),
  offline: ({ path }, { folder }) => readUpstreamList(readText(resolve(folder, path), path), path),
};

class FileSource implements Source {
  readonly #path: string;
  /** As it was written; messages show it. */
  readonly #shown: string;
  readonly #everyMs: number;
  readonly #clock: Clock;

  constructor(path: string, shown: string, everyMs: number, clock: Clock) {
    this.#path = path;
    this.#shown = shown;
    this.#everyMs = everyMs;
    this.#clock = clock;
  }

  start(listener: SourceListener): Timer {
    let seen: string | undefined;
    let text: string | undefined;
    const look = (): void => {
      seen = signatureOf(this.#path);
      try {
        const now = readText(this.#path, this.#shown);
        if (now === text) return;
        const upstreams = readUpstreamList(now, this.#shown);
        text = now;
        listener.found({ upstreams });
      } catch (error) {
        if (!(error instanceof StickyError)) throw error;
        // When the file is as it was before, that is news again.
        text = undefined;
        listener.failed(error.message);
      }
    };
    const quiet = new QuietTime(this.#clock, look);
    const folder = new FolderWatch(dirname(this.#path), () => quiet.disturb());
    const poll = this.#clock.every(this.#everyMs, () => {
      folder.renew();
      if (signatureOf(this.#path) !== seen) quiet.disturb();
    });
    const first = this.#clock.after(0, look);
    return {
      stop() {
        for (const each of [first, poll, quiet, folder]) each.stop();
      },
    };
  }
}

/** Runs a task when nothing has happened for a moment. */
class QuietTime implements Timer {
  readonly #clock: Clock;
  readonly #task: () => void;
  #timer: Timer | undefined;
  #since = 0;

  constructor(clock: Clock, task: () => void) {
    this.#clock = clock;
    this.#task = task;
  }

  disturb(): void {
    const now = this.#clock.monotonic();
    if (this.#timer === undefined) this.#since = now;
    else if (now - this.#since >= QUIET_MS_MAX) return;
    this.#timer?.stop();
    this.#timer = this.#clock.after(QUIET_MS, () => {
      this.#timer = undefined;
      this.#task();
    });
  }

  stop(): void {
    this.#timer?.stop();
  }
}

function readText(path: string, shown: string): string {
  try {
    return readBounded(path, FILE_BYTES_MAX).toString('utf8');
  } catch (error) {
    throw new StickyError(
      'STICKY_CONFIG_UNREADABLE',
      `Can't use the upstreams of ${shown}, ${reason(error)}`,
      { cause: error },
    );
  }
}

/** What changes when the file does; it follows links, as reading does. */
function signatureOf(path: string): string | undefined {
  try {
    const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path);
    return [dev, ino, size, mtimeMs, ctimeMs].join(' ');
  } catch {
    return undefined;
  }
}
