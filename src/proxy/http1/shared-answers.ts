import { findField } from './fields.js';

/** Speak to shared caches alone, and take precedence there (RFC 9213 and its forerunners). */
const FOR_SHARED = ['cdn-cache-control', 'surrogate-control', 'cloudflare-cdn-cache-control'];

/**
 * Whether the answer with these lines tells shared caches that they may keep it (RFC 9111 §3). Not asked is
 * what they may guess (§4.2.2): without a word about it, caches leave an answer with a cookie alone.
 */
export function isForSharedCaches(lines: string): boolean {
  const control = findField(lines, 0, 'cache-control');
  const directives = control === undefined ? [] : directivesOf(control);
  if (directives.some((each) => each === 'no-store' || each === 'private')) return false;
  if (FOR_SHARED.some((name) => allows(findField(lines, 0, name)))) return true;
  if (directives.includes('public') || directives.some((each) => /^s-maxage="?0*[1-9]/.test(each)))
    return true;
  if (directives.includes('no-cache')) return false;
  if (directives.some((each) => /^(?:max-age|s-maxage)=/.test(each)))
    return directives.some((each) => /^max-age="?0*[1-9]/.test(each)) && !has(directives, 's-maxage');
  return isLater(findField(lines, 0, 'expires'), findField(lines, 0, 'date'));
}

/** The lines with shared caches forbidden to keep the answer; a browser may, as long as before. */
export function keptFromSharedCaches(lines: string): string {
  const control = findField(lines, 0, 'cache-control');
  const left = (control === undefined ? [] : directivesOf(control)).filter(
    (each) => each !== 'public' && each !== 'proxy-revalidate' && !each.startsWith('s-maxage'),
  );
  const without = lines.replace(
    /^(?:cache-control|cdn-cache-control|surrogate-control|cloudflare-cdn-cache-control):[^\n]*\n/gim,
    '',
  );
  return `${without}Cache-Control: ${['private', ...left].join(', ')}\r\n`;
}

/**
 * In lower case, without blanks around them. A comma in quotes parts one in two, of which neither is known.
 */
function directivesOf(field: string): string[] {
  return field
    .toLowerCase()
    .split(',')
    .map((each) => each.trim())
    .filter((each) => each !== '');
}

function has(directives: readonly string[], name: string): boolean {
  return directives.some((each) => each.startsWith(`${name}=`));
}

function allows(field: string | undefined): boolean {
  return field !== undefined && !/(?:^|[,\s])(?:no-store|private)(?:$|[,\s])/i.test(field);
}

/** An Expires that had passed when the answer was made is the old way to forbid it. */
function isLater(expires: string | undefined, date: string | undefined): boolean {
  if (expires === undefined) return false;
  const until = Date.parse(expires);
  const from = date === undefined ? LONG_AGO : Date.parse(date);
  return until > (Number.isNaN(from) ? LONG_AGO : from);
}

const LONG_AGO = Date.UTC(2020, 0, 1);
