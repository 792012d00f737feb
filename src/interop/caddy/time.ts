import { parseDuration } from '../../base/duration.js';

/** `1m30s`, `500ms`, `1d`, as one duration of ours. */
export function caddyTime(text: string | undefined): string | undefined {
  const parts = [...(text ?? '').matchAll(/(\d{1,9}(?:\.\d{1,3})?)(ms|s|m|h|d)/g)];
  if (parts.length === 0 || parts.map(([whole]) => whole).join('') !== text)
    return text === '0' ? '0s' : undefined;
  const ms = parts.reduce((sum, [whole]) => sum + parseDuration(whole)!, 0);
  return ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`;
}
