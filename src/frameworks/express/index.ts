/** `stickyroute/express`: for apps of Express 5. */
export { session } from './session.js';
export { sessionOf } from '../request-session.js';
export { seen } from './seen.js';
export { token } from './token.js';
export type { BearerOptions } from '../bearer.js';
