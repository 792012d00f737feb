/** `stickyroute/express`: for apps of Express 5. */
export { session } from './session.js';
