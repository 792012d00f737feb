import { expect, it } from 'vitest';
import { disagreements } from './http2-agreement.js';

const SEED = Number(process.env.SEED ?? Math.floor(performance.now() * 1000) % 2 ** 31);
const COUNT = Number(process.env.ROUNDS ?? 1000);

it(
  `${COUNT} drawn connections are read as node:http2 reads them (seed ${SEED})`,
  { timeout: 120_000 },
  async () => {
    const { found, delivered } = await disagreements(SEED, COUNT);
    expect(found).toEqual([]);
    expect(delivered).toBeGreaterThan(COUNT / 3);
  },
);
