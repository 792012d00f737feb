import { readFileSync } from 'node:fs';

/** From the package, which stands two folders up from `src/control` and from `dist/control` alike. */
export function version(): string {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  return (JSON.parse(text) as { version: string }).version;
}
