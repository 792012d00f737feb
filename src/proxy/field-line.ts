/** A field line, for heads. The value is one that was checked, or one of ours. */
export function fieldLine(name: string, value: string | number): string {
  return `${name}: ${value}\r\n`;
}
