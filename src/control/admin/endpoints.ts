import { isDeepStrictEqual } from 'node:util';
import { z } from 'zod';
import type { AskedRequest } from '../explanation.js';
import type { Operations, UpstreamStatus } from '../operations.js';
import type { AdminGround } from './admin-ground.js';
import { AdminRefused } from './admin-refusal.js';
import {
  certificatesView,
  changedView,
  configView,
  eventsView,
  forecastView,
  explanationView,
  poolStateView,
  poolsView,
  reloadedView,
  routesView,
  statusView,
  upstreamView,
} from './admin-views.js';
import { askedRequest, toAskedRequest } from './asked-request.js';
import { figuresView } from './figures-view.js';
import { figuresOf } from './figures.js';
import { shownConfig } from './shown-config.js';
import {
  certificatesViewOf,
  poolIn,
  poolViewOf,
  routesViewOf,
  statusViewOf,
  upstreamIn,
  upstreamViewOf,
} from './state-views.js';
import type { Traffic } from './traffic.js';

/** What an endpoint is asked. */
export interface AdminQuestion {
  /** What stands in the path in place of `{pool}` and the like. */
  readonly parts: Readonly<Record<string, string>>;
  readonly query: URLSearchParams;
  readonly body: unknown;
  /** Every verb, said by whoever asks. */
  readonly operations: Operations;
}

/** One thing that the admin API can do. The OpenAPI document says the same to people. */
export interface Endpoint {
  readonly method: 'GET' | 'POST';
  /** `/pools/{pool}` */
  readonly path: string;
  readonly summary: string;
  /** It changes something, so that `admin.write` must allow it. */
  readonly isWrite?: boolean;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: z.ZodType;
  readonly answer: z.ZodType;
  /** Statuses of refusals beside those that everything has. */
  readonly refusals: readonly number[];
  answers(asked: AdminQuestion): Promise<unknown>;
}

const nothing = z.strictObject({}).meta({ id: 'Nothing' });
const drainBody = z
  .strictObject({
    within: z.string().optional().meta({ description: 'How long it may take: 30m' }),
    until: z.string().optional().meta({ description: 'When it must be over: 2027-03-01T18:00:00Z' }),
    from: z
      .string()
      .optional()
      .meta({ description: 'When it begins; gateways that hear the same instants move the same users' }),
    quiet: z
      .string()
      .optional()
      .meta({ description: 'Users who were quiet for so long, or who come to a new page, leave first' }),
  })
  .meta({ id: 'Drain' });
const weightBody = z.strictObject({ weight: z.number() }).meta({ id: 'Weight' });
const EVENTS_MAX = 1000;

/** Everything that the admin API can do. `startedAt`: in milliseconds since 1970. */
export function endpointsOf(ground: AdminGround, traffic: Traffic, startedAt: number): readonly Endpoint[] {
  const { plane } = ground;
  const upstreamOf = async (operations: Operations, { pool, upstream }: AdminQuestion['parts']) =>
    upstreamIn(poolIn(await operations.status(), pool!), upstream!);

  const poolViews = async (operations: Operations) => {
    const [{ pools }, trafficOf] = await Promise.all([operations.status(), traffic.read()]);
    return pools.map((pool) => poolViewOf(ground, pool, trafficOf));
  };

  /** A verb about one upstream. */
  const verb = (
    name: string,
    summary: string,
    say: (operations: Operations, pool: string, upstream: string, body: unknown) => Promise<void>,
    body: z.ZodType = nothing,
  ): Endpoint => ({
    method: 'POST',
    path: `/pools/{pool}/upstreams/{upstream}/${name}`,
    summary,
    isWrite: true,
    body,
    answer: changedView,
    refusals: [404, 409],
    async answers({ operations, parts, body }) {
      const before = await upstreamOf(operations, parts);
      await say(operations, parts['pool']!, parts['upstream']!, body);
      const after = await upstreamOf(operations, parts);
      const changed = !isDeepStrictEqual(inForce(before), inForce(after));
      return {
        changed,
        ...(plane.state !== undefined && { saved: plane.state.problem === undefined }),
        upstream: upstreamViewOf(after),
      };
    },
  });

  return [
    {
      method: 'GET',
      path: '/status',
      summary: 'How the gateway is as a whole',
      answer: statusView,
      refusals: [],
      answers: () => statusViewOf(ground, startedAt),
    },
    {
      method: 'GET',
      path: '/pools',
      summary: 'Every pool with its upstreams',
      answer: poolsView,
      refusals: [],
      answers: async ({ operations }) => ({
        pools: await poolViews(operations),
      }),
    },
    {
      method: 'GET',
      path: '/pools/{pool}',
      summary: 'One pool with its upstreams',
      answer: poolStateView,
      refusals: [404],
      answers: async ({ operations, parts }) =>
        poolViewOf(ground, poolIn(await operations.status(), parts['pool']!), await traffic.read()),
    },
    {
      method: 'GET',
      path: '/pools/{pool}/upstreams/{upstream}',
      summary: 'Everything about one upstream',
      answer: upstreamView,
      refusals: [404],
      answers: async ({ operations, parts }) => {
        const trafficOf = await traffic.read();
        const { pool, upstream } = parts;
        return upstreamViewOf(await upstreamOf(operations, parts), trafficOf(pool!, upstream!));
      },
    },
    verb(
      'drain',
      'No new users. With within or until, those who are there are moved by then; without, they still come',
      (operations, pool, upstream, body) =>
        operations.drain(pool, upstream, body as z.infer<typeof drainBody>),
      drainBody,
    ),
    verb('enable', 'All users may come', (operations, pool, upstream) => operations.enable(pool, upstream)),
    verb('disable', 'No requests at all, bound users included', (operations, pool, upstream) =>
      operations.disable(pool, upstream),
    ),
    verb(
      'weight',
      'Another share of users and requests',
      (operations, pool, upstream, body) =>
        operations.weight(pool, upstream, (body as z.infer<typeof weightBody>).weight),
      weightBody,
    ),
    {
      method: 'POST',
      path: '/reload',
      summary: 'Read the configuration file again; a bad one changes nothing',
      isWrite: true,
      body: nothing,
      answer: reloadedView,
      refusals: [409, 422],
      answers: async ({ operations }) => ({ needsRestart: [...(await operations.reload()).needsRestart] }),
    },
    {
      method: 'POST',
      path: '/forecast',
      summary: 'What a reload would do to users; it changes nothing',
      isWrite: true,
      body: nothing,
      answer: forecastView,
      refusals: [409, 422],
      answers: ({ operations }) => operations.forecast(),
    },
    {
      method: 'POST',
      path: '/explain',
      summary: 'Where a request would go now, and why; nothing of it is logged',
      body: askedRequest,
      answer: explanationView,
      refusals: [],
      answers: ({ operations, body }) =>
        operations.explain(toAskedRequest(body as z.infer<typeof askedRequest>) satisfies AskedRequest),
    },
    {
      method: 'GET',
      path: '/figures',
      summary: 'What was counted so far, by upstream; the dashboard draws it',
      answer: figuresView,
      refusals: [],
      answers: async ({ operations }) => figuresOf(await operations.metrics()),
    },
    {
      method: 'GET',
      path: '/routes',
      summary: 'Every route, the most specific first',
      answer: routesView,
      refusals: [],
      answers: async () => routesViewOf(ground),
    },
    {
      method: 'GET',
      path: '/certificates',
      summary: 'The certificates in use, and how long they last',
      answer: certificatesView,
      refusals: [],
      answers: async () => certificatesViewOf(ground),
    },
    {
      method: 'GET',
      path: '/config',
      summary: 'The configuration as it runs, without secrets',
      answer: configView,
      refusals: [],
      answers: async () => ({
        ...(ground.file !== undefined && { file: ground.file }),
        config: JSON.parse(JSON.stringify(shownConfig(plane.setup.config))) as unknown,
      }),
    },
    {
      method: 'GET',
      path: '/events',
      summary:
        'What happened lately, oldest first. With Accept: text/event-stream: what happens from now on, and a snapshot a second',
      query: {
        after: 'An id: only what came after that event',
        limit: `How many at most, 1 to ${EVENTS_MAX}: the newest`,
      },
      answer: eventsView,
      refusals: [],
      answers: async ({ query }) => {
        const after = query.get('after');
        const limit = limitOf(query.get('limit'));
        const { recent, lastId } = plane.events;
        const events = after === null ? recent : plane.events.after(after);
        return { events: (events ?? recent).slice(-limit), lastId, isGap: events === undefined };
      },
    },
  ];
}

/** What verbs are about. */
function inForce({ standing, weight, drain }: UpstreamStatus): unknown {
  return { standing, weight, from: drain?.from, until: drain?.until, quietMs: drain?.quietMs };
}

function limitOf(text: string | null): number {
  if (text === null) return EVENTS_MAX;
  if (/^\d{1,4}$/.test(text) && Number(text) >= 1 && Number(text) <= EVENTS_MAX) return Number(text);
  throw new AdminRefused(400, `limit must be a whole number from 1 to ${EVENTS_MAX}.`);
}
