import type { AdminGround } from './admin-ground.js';
import { instantText } from './state-views.js';
import type { Traffic } from './traffic.js';

/** What `GET /events` sends once a second: short, since it may be of thousands of upstreams. */
export async function streamedSnapshot({ plane, clock }: AdminGround, traffic: Traffic): Promise<unknown> {
  const [status, counters, trafficOf] = await Promise.all([
    plane.operations.status(),
    plane.operations.counters(),
    traffic.read(),
  ]);
  return {
    at: instantText(clock.now()),
    pools: status.pools.map(({ name, upstreams }) => ({
      name,
      upstreams: upstreams.map(({ id, condition, standing, weight, drain }) => ({
        id,
        condition,
        standing,
        weight,
        ...(drain && { drain }),
        traffic: trafficOf(name, id),
      })),
    })),
    counters,
  };
}
