import { HEARSAY_NAMES } from '../proxy/http1/fields.js';

/**
 * By these, and others that begin so, a stranger would say where a request comes from. The gateway takes all
 * of them away; balancers that know no beginnings take away these.
 */
const FORWARDED_ENDS =
  'prefix port ssl scheme protocol proto-version server uri path method user by client-cert';

export const HEARSAY_FIELDS: readonly string[] = [
  'forwarded',
  ...FORWARDED_ENDS.split(' ').map((end) => `x-forwarded-${end}`),
  ...HEARSAY_NAMES,
];

/** The gateway takes it away from strangers, so nothing opens where a line that did so is left out. */
export function isHearsay(name: string): boolean {
  const field = name.toLowerCase();
  return field.startsWith('x-forwarded-') || HEARSAY_SET.has(field);
}

const HEARSAY_SET: ReadonlySet<string> = new Set(HEARSAY_FIELDS);

/** Of a balancer that can't take them away from strangers alone. */
export function hearsayNote(balancer: string): string {
  return `what strangers say in X-Forwarded-Prefix, Forwarded, X-Client-IP and their kind reaches upstreams through ${balancer}, because a trusted proxy may say it. Take away there what your apps read.`;
}
