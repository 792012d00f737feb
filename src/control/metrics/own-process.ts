import { readdirSync, statSync } from 'node:fs';
import type { Clock } from '../../base/clock.js';
import { openFilesMax } from '../open-files.js';
import { EventLoopDelay } from './event-loop-delay.js';
import type { ProcessFacts } from './measures.js';

/** How the process does that this runs in. */
export class OwnProcess {
  readonly #name: string;
  readonly #startedAtMs: number;
  readonly #delay: EventLoopDelay;

  /** `name`: `gateway`, or `supervisor`, `worker-1` … */
  constructor(name: string, clock: Clock) {
    this.#name = name;
    this.#startedAtMs = clock.now() - process.uptime() * 1000;
    this.#delay = new EventLoopDelay(clock);
  }

  read(): ProcessFacts {
    const { user, system } = process.cpuUsage();
    const { rss, heapUsed } = process.memoryUsage();
    const filesMax = openFilesMax();
    return {
      name: this.#name,
      pid: process.pid,
      cpuSeconds: (user + system) / 1e6,
      residentBytes: rss,
      heapBytes: heapUsed,
      openFiles: openFiles(),
      openFilesMax: Number.isFinite(filesMax) ? filesMax : undefined,
      startedAtMs: this.#startedAtMs,
      eventLoopDelay: this.#delay.read(),
    };
  }

  stop(): void {
    this.#delay.stop();
  }
}

const FILES_FOLDER = '/proc/self/fd';

/** Linux 6.2 and later say it as the folder's size; before that the folder's entries are counted. */
function openFiles(): number | undefined {
  try {
    const { size } = statSync(FILES_FOLDER);
    return size > 0 ? size : readdirSync(FILES_FOLDER).length;
  } catch {
    return undefined;
  }
}
