import { randomFillSync } from 'node:crypto';

/** Chance as an argument, so that tests replay from a seed (`seededRandom` in `stickyroute/testing`). */
export interface Random {
  /** A whole number from 0 up to, not including, `below` (at most 2^32). Not for secrets. */
  below(below: number): number;
  /** 32 hexadecimal digits: 128 bits, unguessable where the source is the system's. */
  id(): string;
}

const POOL_BYTES = 4096;
const ID_BYTES = 16;

/** Draws from the system's generator a page at a time: one call in 256 ids pays for the entropy. */
export const systemRandom: Random = createSystemRandom();

function createSystemRandom(): Random {
  const pool = Buffer.alloc(POOL_BYTES);
  let at = POOL_BYTES;
  const take = (bytes: number): number => {
    if (at + bytes > POOL_BYTES) {
      randomFillSync(pool);
      at = 0;
    }
    const start = at;
    at += bytes;
    return start;
  };
  return {
    below: (below) => Math.floor((pool.readUInt32LE(take(4)) / 2 ** 32) * below),
    id: () => {
      const start = take(ID_BYTES);
      return pool.toString('hex', start, start + ID_BYTES);
    },
  };
}
