/** `stickyroute/node`: for servers of plain node:http. */
export { seen } from './seen.js';
export { session, type NodeSessionOptions, type SessionHandler, type SessionMessage } from './session.js';
export type { SchemeOptions } from '../scheme.js';
export { token, type NodeTokenOptions, type TokenMessage } from './token.js';
export type { BearerOptions } from '../bearer.js';
