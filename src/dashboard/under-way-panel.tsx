import type { PoolStateView, UpstreamView } from '../control/admin/admin-views.js';
import type { LiveState } from './live-state.js';
import { clockTime, spanText, users, whole } from './wording.js';

interface Props {
  readonly live: LiveState;
  readonly pool: PoolStateView;
  readonly stop: (upstream: string) => void;
}

/** What is going on: drains, with how far they are and when they are over. */
export function UnderWayPanel({ live, pool, stop }: Props) {
  const leaving = pool.upstreams.filter(({ standing }) => standing === 'leaving' || standing === 'drained');
  return (
    <section aria-labelledby="under-way-title">
      <h2 id="under-way-title">Under way</h2>
      {leaving.length === 0 ? (
        <p class="quiet">No drain.</p>
      ) : (
        <ul class="drains">
          {leaving.map((upstream) => (
            <DrainItem key={upstream.id} live={live} upstream={upstream} stop={stop} />
          ))}
        </ul>
      )}
    </section>
  );
}

interface ItemProps {
  readonly live: LiveState;
  readonly upstream: UpstreamView;
  readonly stop: (upstream: string) => void;
}

function DrainItem({ live, upstream, stop }: ItemProps) {
  const { id, drain, standing, traffic } = upstream;
  const there = traffic?.boundUsers.minutes1 ?? 0;
  const tunnels = traffic?.tunnels ?? 0;
  const title = `drain-${id}`;
  const { nowMs } = live;
  return (
    <li>
      <h3 id={title}>
        {id} {standing === 'drained' ? 'is drained' : 'is being drained'}
      </h3>
      {drain !== undefined && (
        <>
          <progress aria-labelledby={title} max={1} value={drain.progress} />
          <p>
            {Math.floor(drain.progress * 100)} % of its users had their turn.{' '}
            {Date.parse(drain.from) > nowMs
              ? `It begins at ${clockTime(Date.parse(drain.from), nowMs)}. `
              : ''}
            {endText(upstream, nowMs)}
          </p>
          {standing === 'leaving' && <p>{paceText(upstream, traffic?.boundUsers.minutes15 ?? 0, nowMs)}</p>}
        </>
      )}
      {drain === undefined && <p>It has no end: nobody new comes, and those who are bound to it stay.</p>}
      <p>
        {users(there)} came in the last minute, {whole(traffic?.requestsInProgress ?? 0)} requests are in
        progress, {whole(tunnels)} tunnels are open.
      </p>
      <button type="button" onClick={() => stop(id)} aria-label={`Stop the drain of ${id}`}>
        Stop…
      </button>
    </li>
  );
}

function endText({ drain, standing }: UpstreamView, nowMs: number): string {
  const untilMs = Date.parse(drain!.until);
  const end = clockTime(untilMs, nowMs);
  if (standing === 'drained') return `Nobody is sent there since ${end}.`;
  return `Over at ${end} at the latest, in ${spanText(untilMs - nowMs)}.`;
}

/** Turns are spread evenly, so what is left leaves evenly. */
function paceText({ drain }: UpstreamView, seen: number, nowMs: number): string {
  const leftMs = Math.max(1, Date.parse(drain!.until) - Math.max(nowMs, Date.parse(drain!.from)));
  const lengthMs = Math.max(1, Date.parse(drain!.until) - Date.parse(drain!.from));
  const first = `${pace(100 / (lengthMs / 60_000))} of 100 users a minute`;
  return seen === 0
    ? `It moves ${first}.`
    : `It moves ${first}: about ${whole(Math.max(1, seen / Math.max(1, leftMs / 60_000)))} users a minute are left to go.`;
}

function pace(perMinute: number): string {
  return perMinute >= 100 ? 'all' : perMinute >= 10 ? whole(perMinute) : perMinute.toFixed(1);
}
