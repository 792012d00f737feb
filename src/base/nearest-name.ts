/** The known name that was most likely meant: one slip away, or two in a long name; case does not count. */
export function nearestName(written: string, known: readonly string[]): string | undefined {
  const plain = written.toLowerCase().slice(0, 64);
  const slipsMax = plain.length < 6 ? 1 : 2;
  let best: string | undefined;
  let bestSlips = slipsMax + 1;
  for (const name of known) {
    const slips = slipsBetween(plain, name.toLowerCase());
    if (slips < bestSlips) [best, bestSlips] = [name, slips];
  }
  return best;
}

/** Insertions, deletions, replacements and swaps of neighbours. */
function slipsBetween(a: string, b: string): number {
  let before: number[] = [];
  let last = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const isSwap = i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1];
      row.push(
        Math.min(
          last[j]! + 1,
          row[j - 1]! + 1,
          last[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1),
          isSwap ? before[j - 2]! + 1 : Infinity,
        ),
      );
    }
    [before, last] = [last, row];
  }
  return last[b.length]!;
}
