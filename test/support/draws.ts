/**
 * How many cases a test draws. `npm test` sets TESTS=whole and draws all of them; the inner loop (`npm run
 * check`, `npx vitest`) draws a tenth, so that it answers in time. Only for tests that draw by chance or by
 * seed, or walk a grid, so that every case is one more of a kind.
 */
export function draws(whole: number): number {
  return drawsAll ? whole : Math.ceil(whole / 10);
}

export const drawsAll = process.env['TESTS'] === 'whole';
