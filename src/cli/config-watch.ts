import { createHash } from 'node:crypto';
import { dirname } from 'node:path';
import type { Clock, Timer } from '../base/clock.js';
import { readBounded } from '../control/config/bounded-file.js';
import { FolderWatch } from '../control/sources/folder-watch.js';

/** A writer that writes in several steps is waited for. */
const SETTLED_MS = 200;
/** Where the system tells nothing (network file systems), it is looked at. */
const LOOK_MS = 5000;
const FILE_BYTES_MAX = 1024 * 1024;

/** Calls `changed` when a file holds something else than before, whoever writes, renames or links it. */
export function watchConfig(path: string, clock: Clock, changed: () => void): Timer {
  let known = digestOf(path);
  let settling: Timer | undefined;
  const look = (): void => {
    const now = digestOf(path);
    // A file that is away for a moment is about to be another.
    if (now === undefined || now === known) return;
    known = now;
    changed();
  };
  const folder = new FolderWatch(dirname(path), () => {
    settling?.stop();
    settling = clock.after(SETTLED_MS, look);
  });
  const looking = clock.every(LOOK_MS, () => {
    folder.renew();
    look();
  });
  return {
    stop() {
      folder.stop();
      looking.stop();
      settling?.stop();
    },
  };
}

function digestOf(path: string): string | undefined {
  try {
    return createHash('sha256').update(readBounded(path, FILE_BYTES_MAX)).digest('hex');
  } catch {
    return undefined;
  }
}
