import { StickyError } from '../../base/errors.js';

/** Deeper than this nobody nests on purpose. */
const DEPTH_MAX = 200;
const NAME_SHOWN = /^[A-Za-z_$][\w$-]{0,39}$/;

/**
 * A field's value as JSON. What JSON would silently make something else of is refused: a Map that comes
 * back as `{}`, a NaN that comes back as null, a Date that comes back as text.
 */
export function writeValue(field: string, value: unknown): string {
  if (typeof value === 'object' && value !== null) check(field, value, field, 0, []);
  else checkPlain(field, value, field);
  return JSON.stringify(value);
}

function check(field: string, value: object, place: string, depth: number, above: object[]): void {
  if (depth > DEPTH_MAX) throw refused(field, `${place} is nested more than ${DEPTH_MAX} deep`);
  if (above.includes(value)) throw refused(field, `${place} refers to itself`);
  const isList = Array.isArray(value);
  if (!isList && !isPlain(value)) {
    // Its failure would end the process, and this one says what is wrong.
    if (value instanceof Promise) value.catch(() => {});
    throw refused(field, `${place} is ${nameOf(value)}`, adviceFor(value));
  }
  above.push(value);
  if (isList)
    for (let at = 0; at < value.length; at++) checkPart(field, value[at], `${place}[${at}]`, depth, above);
  else
    for (const name of Object.keys(value)) {
      const part = (value as Record<string, unknown>)[name];
      // As JSON and everybody has it: a property that is undefined is not there.
      if (part !== undefined)
        checkPart(field, part, `${place}.${NAME_SHOWN.test(name) ? name : '…'}`, depth, above);
    }
  above.pop();
}

function checkPart(field: string, part: unknown, place: string, depth: number, above: object[]): void {
  if (typeof part === 'object' && part !== null) check(field, part, place, depth + 1, above);
  else checkPlain(field, part, place);
}

function checkPlain(field: string, value: unknown, place: string): void {
  switch (typeof value) {
    case 'number':
      if (!Number.isFinite(value)) throw refused(field, `${place} is ${value}`);
      return;
    case 'bigint':
      throw refused(field, `${place} is a BigInt`, 'Write it as text: String(value). ');
    case 'undefined':
      throw refused(field, `${place} is undefined`);
    case 'function':
    case 'symbol':
      throw refused(field, `${place} is a ${typeof value}`);
    default:
  }
}

/** An object of braces, of this realm or another, or one without a prototype. */
function isPlain(value: object): boolean {
  const prototype = Object.getPrototypeOf(value) as object | null;
  return prototype === null || Object.getPrototypeOf(prototype) === null;
}

function nameOf(value: object): string {
  if (isThenable(value)) return 'a promise';
  const name = (value.constructor as { name?: unknown } | undefined)?.name;
  return typeof name === 'string' && NAME_SHOWN.test(name) ? `a ${name}` : 'an object of a class';
}

function adviceFor(value: object): string {
  if (isThenable(value)) return 'Await it before, and give what it resolves to. ';
  if (value instanceof Date) return 'Write date.toISOString(), or date.getTime(). ';
  if (value instanceof Map) return 'Write Object.fromEntries(map). ';
  if (value instanceof Set) return 'Write [...set]. ';
  return '';
}

function isThenable(value: object): boolean {
  return typeof (value as { then?: unknown }).then === 'function';
}

function refused(field: string, what: string, advice = ''): StickyError {
  return new StickyError(
    'STICKY_SESSION_INVALID',
    `The session's field "${field}" was not set: ${what}, which JSON can't hold. ${advice}Store plain data: text, numbers, true, false, null, lists and objects.`,
  );
}
