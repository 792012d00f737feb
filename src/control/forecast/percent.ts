/** A share from 0 to 1, for people: `25.2 %`. */
export function percent(share: number): string {
  if (share > 0 && share < 0.0005) return 'less than 0.1 %';
  return `${(share * 100).toFixed(1)} %`;
}
