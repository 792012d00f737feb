/** `stickyroute/fastify`: for apps of Fastify 5. */
export { session } from './session.js';
