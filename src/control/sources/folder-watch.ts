import { statSync, watch, type FSWatcher } from 'node:fs';
import type { Timer } from '../../base/clock.js';

/**
 * Tells of whatever happens in a folder, as far as the system says. A watch on a file would stay with the old
 * file when another takes its name, and so miss every change but the first: writers rename, and Kubernetes
 * replaces the link `..data` beside the files of a ConfigMap.
 */
export class FolderWatch implements Timer {
  readonly #path: string;
  readonly #changed: () => void;
  #watcher: FSWatcher | undefined;
  /** The folder that is watched: another may have its name by now. */
  #inode: number | undefined;

  constructor(path: string, changed: () => void) {
    this.#path = path;
    this.#changed = changed;
    this.renew();
  }

  /** Watches anew where the folder is another or its watch has ended. What can't be watched is polled. */
  renew(): void {
    const inode = inodeOf(this.#path);
    if (this.#watcher !== undefined && inode === this.#inode) return;
    this.stop();
    this.#inode = inode;
    if (inode === undefined) return;
    try {
      this.#watcher = watch(this.#path, { persistent: false }, () => this.#changed());
      // The system has no more watches to give, or the folder is gone.
      this.#watcher.on('error', () => this.stop());
    } catch {
      this.#watcher = undefined;
    }
  }

  stop(): void {
    this.#watcher?.close();
    this.#watcher = undefined;
  }
}

function inodeOf(path: string): number | undefined {
  try {
    return statSync(path).ino;
  } catch {
    return undefined;
  }
}
