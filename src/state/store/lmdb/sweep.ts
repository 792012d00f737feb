import type { Database } from 'lmdb';
import type { Clock, Timer } from '../../../base/clock.js';
import type { LmdbFile } from './file.js';
import { expiryOf } from './texts.js';

/** Some milliseconds of this process in a second, however much there is. */
const LOOKED_MAX = 1_000;
const EVERY_MS = 1_000;
/** While much of what it finds has expired. */
const SOON_MS = 50;

/**
 * Takes expired records and links out of the file, a bounded number at a time, from where it stopped. Every
 * process that shares the file does it; what one has taken the others don't find.
 */
export function sweepExpired(file: LmdbFile, clock: Clock, swept: () => void): { stop(): void } {
  const databases: readonly Database<string, string>[] = [file.records, file.links];
  let isRunning = true;
  let timer: Timer;
  let which = 0;
  let start: string | undefined;

  const sweep = async (): Promise<void> => {
    let found = 0;
    try {
      const database = databases[which]!;
      file.refresh();
      const expired: string[] = [];
      let looked = 0;
      const nowMs = clock.now();
      for (const { key, value } of database.getRange({
        ...(start === undefined ? {} : { start }),
        limit: LOOKED_MAX,
      })) {
        looked++;
        start = key;
        if (expiryOf(value) <= nowMs) expired.push(key);
      }
      if (looked < LOOKED_MAX) {
        start = undefined;
        which = (which + 1) % databases.length;
      }
      found = expired.length;
      if (found > 0) {
        await file.change(() => {
          // Put anew meanwhile, perhaps.
          for (const key of expired)
            if (expiryOf(database.get(key) ?? '') <= nowMs) void database.remove(key);
        });
      }
      if (isRunning) swept();
    } catch {
      // What can't be done now, a later sweep does. Who uses the store is told of what is wrong with it.
    }
    if (isRunning) timer = clock.after(found > LOOKED_MAX / 4 ? SOON_MS : EVERY_MS, () => void sweep());
  };
  timer = clock.after(EVERY_MS, () => void sweep());
  return {
    stop() {
      isRunning = false;
      timer.stop();
    },
  };
}
