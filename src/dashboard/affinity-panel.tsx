import { useMemo } from 'preact/hooks';
import type { LiveState } from './live-state.js';
import { WINDOW_MS } from './figures-window.js';
import { TimeChart, type ChartLine } from './time-chart.js';
import { spanText, milliseconds, perSecond, shareText, WHY_WORDS, whole } from './wording.js';

const REQUEST_LINES: readonly ChartLine[] = [
  { label: 'found theirs', color: '--good' },
  { label: 'new users', color: '--info', dash: [6, 3] },
  { label: 'went elsewhere', color: '--bad', dash: [2, 2] },
];
const TIME_LINES: readonly ChartLine[] = [
  { label: 'half', color: '--info' },
  { label: '95 of 100', color: '--warn', dash: [6, 3] },
];
const SECONDS = WINDOW_MS / 1000;

/** Is affinity holding? */
export function AffinityPanel({ live, pool }: { readonly live: LiveState; readonly pool: string }) {
  const { figures } = live;
  const { found, known, outcomes } = figures.affinity(pool);
  const routes = new Set(live.routes.filter((route) => route.pool === pool).map(({ name }) => name));
  const causes = figures.causes((route) => routes.has(route));
  const all = causes.reduce((sum, { count }) => sum + count, 0);
  const moved = causes.reduce((sum, each) => sum + each.moved, 0);
  const points = figures.points(pool);
  const last = points.at(-1);
  const at = points.map(({ atMs }) => atMs / 1000);
  const newest = last?.atMs;
  const requests = useMemo(
    () => [at, points.map((p) => p.found), points.map((p) => p.fresh), points.map((p) => p.elsewhere)],
    [newest, pool],
  );
  const times = useMemo(() => [at, points.map((p) => p.p50), points.map((p) => p.p95)], [newest, pool]);
  const now = last === undefined ? 0 : last.found + last.fresh + last.elsewhere;
  return (
    <section aria-labelledby="affinity-title">
      <h2 id="affinity-title">
        Affinity{' '}
        <small>last {figures.lengthMs === 0 ? spanText(WINDOW_MS) : spanText(figures.lengthMs)}</small>
      </h2>
      <div class="glance">
        <div class={`share ${tone(found, known)}`}>
          <strong>{shareText(found, known)}</strong>
          <span>
            {known === 0
              ? 'no request of a known user yet'
              : `of ${whole(known)} requests of known users found their upstream`}
          </span>
        </div>
        <dl class="numbers">
          <Number name="requests a second" value={perSecond(now)} />
          <Number name="of new users" value={whole(outcomes['balanced'] ?? 0)} />
          <Number name="borrowed" value={whole(outcomes['borrowed'] ?? 0)} />
          <Number name="refused" value={whole(outcomes['rejected'] ?? 0)} />
        </dl>
        <div class="moves">
          <h3>
            Did not find theirs: {whole(all)} <small>{whole(moved)} of them moved for good</small>
          </h3>
          {causes.length === 0 ? (
            <p class="quiet">Nobody.</p>
          ) : (
            <ul>
              {causes.map(({ why, count, moved: ofThem }) => (
                <li key={why}>
                  <span class="count">{whole(count)}</span>
                  <span>
                    {WHY_WORDS[why] ?? why}
                    {ofThem > 0 && <small>, {whole(ofThem)} moved</small>}
                  </span>
                  <progress max={all} value={count} aria-hidden="true" />
                </li>
              ))}
            </ul>
          )}
        </div>
      </div>
      <div class="charts">
        <TimeChart
          title="Requests a second"
          summary={`now ${perSecond(last?.found ?? 0)} that found theirs, ${perSecond(last?.fresh ?? 0)} of new users, ${perSecond(last?.elsewhere ?? 0)} that went elsewhere`}
          lines={REQUEST_LINES}
          data={requests as [number[], number[], number[], number[]]}
          say={perSecond}
          seconds={SECONDS}
        />
        <TimeChart
          title="Until upstreams answer"
          summary={`now ${milliseconds(last?.p50)} for half of the answers, ${milliseconds(last?.p95)} for 95 of 100`}
          lines={TIME_LINES}
          data={times as [number[], number[], number[]]}
          say={milliseconds}
          seconds={SECONDS}
        />
      </div>
    </section>
  );
}

function Number({ name, value }: { readonly name: string; readonly value: string }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{value}</dd>
    </div>
  );
}

/** 99 of 100 is what a pool with a slow upstream has; below 95 most operators want to know why. */
function tone(found: number, known: number): string {
  if (known === 0) return '';
  if (found >= known * 0.99) return 'good';
  return found >= known * 0.95 ? 'warn' : 'bad';
}
