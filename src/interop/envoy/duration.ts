/** How JSON writes a google.protobuf.Duration: seconds, with a fraction where there is one. */
export function envoyDuration(ms: number): string {
  return `${ms / 1000}s`;
}
