import type { FastifyInstance } from 'fastify';

/**
 * A plugin whose hooks hold for the app that registers it, not only below (what the package fastify-plugin
 * marks, too).
 */
export function plugin(
  register: (app: FastifyInstance) => Promise<void>,
): (app: FastifyInstance) => Promise<void> {
  return Object.assign(register, { [Symbol.for('skip-override')]: true });
}
