/** `stickyroute/hono`: for apps of Hono 4. */
export { seen } from './seen.js';
export { session } from './session.js';
export type { SchemeOptions } from '../scheme.js';
export { token } from './token.js';
export type { BearerOptions } from '../bearer.js';
