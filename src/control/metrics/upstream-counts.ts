import type { UpstreamTally } from '../../proxy/tally.js';
import type { UpstreamFault } from '../../proxy/upstream-fault.js';
import { Leavers } from './leavers.js';
import type { UserCells } from './user-cells.js';

/** What is counted of one upstream of a pool, through reloads. */
export class UpstreamCounts implements UpstreamTally {
  readonly pool: string;
  readonly id: string;
  readonly index: number;
  requestsInProgress = 0;
  tunnels = 0;
  tries = 0;
  connections = 0;
  readonly faults = new Map<UpstreamFault, number>();
  /** Since when no pool has it, on the monotonic clock. */
  goneAtMs: number | undefined;
  /** Made when its first user comes. */
  cells: UserCells | undefined;
  /** Made when a drain moves its first user away. */
  leavers: Leavers | undefined;
  readonly #makeCells: () => UserCells;

  constructor(pool: string, id: string, index: number, makeCells: () => UserCells) {
    this.pool = pool;
    this.id = id;
    this.index = index;
    this.#makeCells = makeCells;
  }

  failed(fault: UpstreamFault): void {
    this.faults.set(fault, (this.faults.get(fault) ?? 0) + 1);
  }

  left(user: string, seed: number, nowMs: number): void {
    if (this.leavers?.seed !== seed) this.leavers = new Leavers(seed);
    this.leavers.left(user, nowMs);
  }

  /** `user`: a hash of whatever tells one user from another. */
  saw(user: number): void {
    (this.cells ??= this.#makeCells()).saw(user);
  }
}
