import type { Config } from '../config/config.js';

const SECRET = '<secret>';

/** What a rule's options may hold that is nobody's business. */
const SECRET_NAMES = /^(?:.*secret.*|.*password.*|keys?|token)$/i;

/**
 * The configuration as it runs, with secrets cut out: those of the gateway by their place, those of rules and
 * other kinds, also of kinds from outside, by their names.
 */
export function shownConfig({ keys, admin, ...config }: Config): Record<string, unknown> {
  return {
    ...(shown(config) as Record<string, unknown>),
    keys: keys.map(() => SECRET),
    ...(admin && { admin: { ...admin, ...(admin.token !== undefined && { token: SECRET }) } }),
  };
}

function shown(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shown);
  // What is no plain data (a key, a class, a function of a kind from outside) may print as anything.
  if (typeof value === 'object' && value !== null) {
    const proto: unknown = Object.getPrototypeOf(value);
    if (proto !== Object.prototype && proto !== null) return SECRET;
    // A file of certificates, by its name.
    if ('file' in value && 'text' in value) return value.file;
    return Object.fromEntries(
      Object.entries(value).map(([name, each]) => [
        name,
        SECRET_NAMES.test(name) && each !== undefined ? SECRET : shown(each),
      ]),
    );
  }
  if (typeof value === 'string') return value.replace(/(\/\/)[^/?#@\s]*@/g, `$1${SECRET}@`);
  return typeof value === 'function' || typeof value === 'symbol' ? SECRET : value;
}
