import { useState } from 'preact/hooks';
import type { PoolStateView, UpstreamView } from '../control/admin/admin-views.js';
import type { UpstreamRates } from './figures-window.js';
import type { LiveState } from './live-state.js';
import { SPARK_POINTS, SparkLine } from './spark-line.js';
import { STATE_WORDS, StateMark, stateWord, type StateWord } from './upstream-state.js';
import { ago, clockTime, milliseconds, perSecond, whole } from './wording.js';

const PAGE_ROWS = 25;

interface Row {
  readonly upstream: UpstreamView;
  readonly rates: UpstreamRates | undefined;
}

type Column = 'state' | 'id' | 'users' | 'rate' | 'progress' | 'p95' | 'faults' | 'tunnels' | 'weight';

const COLUMNS: readonly {
  readonly column: Column;
  readonly name: string;
  readonly says: string;
  /** What it is ordered by. Numbers begin with the largest. */
  readonly key: (row: Row) => string | number;
}[] = [
  {
    column: 'state',
    name: 'state',
    says: 'what to look at first',
    key: ({ upstream }) => STATE_WORDS.indexOf(stateWord(upstream)),
  },
  { column: 'id', name: 'upstream', says: 'its id', key: ({ upstream }) => upstream.id },
  {
    column: 'users',
    name: 'users',
    says: 'bound users of the last 15 minutes',
    key: ({ upstream }) => -(upstream.traffic?.boundUsers.minutes15 ?? 0),
  },
  {
    column: 'rate',
    name: 'requests/s',
    says: 'of the last 10 seconds',
    key: ({ rates }) => -(rates?.perSecond ?? 0),
  },
  {
    column: 'progress',
    name: 'in progress',
    says: 'requests now',
    key: ({ upstream }) => -(upstream.traffic?.requestsInProgress ?? 0),
  },
  {
    column: 'p95',
    name: 'p95',
    says: '95 of 100 requests took at most so long, last minute',
    key: ({ upstream }) => -(upstream.traffic?.p95Ms ?? -1),
  },
  {
    column: 'faults',
    name: 'faults',
    says: 'tries that failed and answers 5xx, last 5 minutes',
    key: ({ rates }) => -faultsOf(rates),
  },
  {
    column: 'tunnels',
    name: 'tunnels',
    says: 'WebSockets and the like, open now',
    key: ({ upstream }) => -(upstream.traffic?.tunnels ?? 0),
  },
  { column: 'weight', name: 'weight', says: 'its share of users', key: ({ upstream }) => -upstream.weight },
];

interface Props {
  readonly live: LiveState;
  readonly pool: PoolStateView;
  readonly steer: (upstream: string) => void;
}

/** Who carries what. A page of rows at a time, so that a large pool is as quick as a small one. */
export function UpstreamTable({ live, pool, steer }: Props) {
  const [filter, setFilter] = useState('');
  const [state, setState] = useState<StateWord | ''>('');
  const [order, setOrder] = useState<Column>('id');
  const [wanted, setPage] = useState(0);

  const text = filter.trim().toLowerCase();
  const shown = pool.upstreams.filter(
    (upstream) =>
      (state === '' || stateWord(upstream) === state) &&
      (text === '' || upstream.id.toLowerCase().includes(text) || upstream.url.toLowerCase().includes(text)),
  );
  const { key } = COLUMNS.find(({ column }) => column === order)!;
  // Rates are only needed of the rows that are seen, unless they order them.
  const isByRates = order === 'rate' || order === 'faults';
  const rows: Row[] = shown.map((upstream) => ({
    upstream,
    rates: isByRates ? live.figures.upstream(pool.name, upstream.id) : undefined,
  }));
  rows.sort((a, b) => compare(key(a), key(b)) || compare(a.upstream.id, b.upstream.id));
  const pages = Math.max(1, Math.ceil(rows.length / PAGE_ROWS));
  const page = Math.min(wanted, pages - 1);
  const seen = rows
    .slice(page * PAGE_ROWS, (page + 1) * PAGE_ROWS)
    .map(({ upstream }) => ({ upstream, rates: live.figures.upstream(pool.name, upstream.id) }));
  const top = Math.max(
    1,
    ...seen.flatMap(({ rates }) => (rates?.line ?? []).slice(-SPARK_POINTS).map((value) => value ?? 0)),
  );
  const counts = STATE_WORDS.map(
    (word) => [word, pool.upstreams.filter((upstream) => stateWord(upstream) === word).length] as const,
  ).filter(([word, count]) => count > 0 || word === state);

  return (
    <section aria-labelledby="upstreams-title">
      <h2 id="upstreams-title">
        Upstreams{' '}
        <small>
          {whole(pool.upstreams.length)}, placed by {pool.placement}
        </small>
      </h2>
      <div class="tools">
        <label>
          Filter
          <input
            type="search"
            value={filter}
            placeholder="id or address"
            onInput={({ currentTarget }) => (setFilter(currentTarget.value), setPage(0))}
          />
        </label>
        <label>
          State
          <select
            value={state}
            onChange={({ currentTarget }) => (setState(currentTarget.value as StateWord | ''), setPage(0))}
          >
            <option value="">any</option>
            {counts.map(([word, count]) => (
              <option key={word} value={word}>
                {word} ({count})
              </option>
            ))}
          </select>
        </label>
        {pages > 1 && (
          <nav class="pages" aria-label="pages of upstreams">
            <button type="button" disabled={page === 0} onClick={() => setPage(page - 1)}>
              Back
            </button>
            <span>
              {whole(page * PAGE_ROWS + 1)}–{whole(Math.min(rows.length, (page + 1) * PAGE_ROWS))} of{' '}
              {whole(rows.length)}
            </span>
            <button type="button" disabled={page === pages - 1} onClick={() => setPage(page + 1)}>
              Next
            </button>
          </nav>
        )}
      </div>
      <div class="wide">
        <table class="upstreams">
          <caption class="unseen">Upstreams of pool {pool.name}, with what each carries</caption>
          <thead>
            <tr>
              {COLUMNS.map(({ column, name, says }) => (
                <th
                  key={column}
                  scope="col"
                  class={column}
                  aria-sort={
                    order === column
                      ? column === 'id' || column === 'state'
                        ? 'ascending'
                        : 'descending'
                      : undefined
                  }
                >
                  <button type="button" title={says} onClick={() => setOrder(column)}>
                    {name}
                  </button>
                </th>
              ))}
              <th scope="col" class="act">
                <span class="unseen">act</span>
              </th>
            </tr>
          </thead>
          <tbody>
            {seen.map(({ upstream, rates }) => (
              <UpstreamRow
                key={upstream.id}
                live={live}
                upstream={upstream}
                rates={rates}
                top={top}
                steer={steer}
              />
            ))}
          </tbody>
        </table>
      </div>
      {rows.length === 0 && (
        <p class="quiet">
          {pool.upstreams.length === 0 ? 'This pool has no upstream.' : 'No upstream is like this.'}
        </p>
      )}
    </section>
  );
}

interface RowProps extends Row {
  readonly live: LiveState;
  readonly top: number;
  readonly steer: (upstream: string) => void;
}

function UpstreamRow({ live, upstream, rates, top, steer }: RowProps) {
  const { id, url, weight, since, why, cause, condition, from, lastFault, traffic } = upstream;
  const faults = faultsOf(rates);
  const { nowMs } = live;
  const reason =
    condition === 'up' ? undefined : [why, cause].filter((part) => part !== undefined).join(', ');
  return (
    <tr>
      <td class="state">
        <StateMark upstream={upstream} />
        <small title={new Date(since).toLocaleString('en-GB')}>
          {reason !== undefined && <>{reason}, </>}
          {ago(Date.parse(since), nowMs)}
        </small>
      </td>
      <th scope="row" class="id">
        <span>{id}</span>
        <small>{url}</small>
      </th>
      <td class="users" data-name="users">
        {whole(traffic?.boundUsers.minutes15 ?? 0)}
      </td>
      <td class="rate" data-name="requests/s">
        <SparkLine values={rates?.line ?? []} top={top} />
        <span>{perSecond(rates?.perSecond ?? 0)}</span>
      </td>
      <td class="progress" data-name="in progress">
        {whole(traffic?.requestsInProgress ?? 0)}
      </td>
      <td class="p95" data-name="p95">
        {milliseconds(traffic?.p95Ms)}
      </td>
      <td class={faults > 0 ? 'faults some' : 'faults'} data-name="faults">
        {whole(faults)}
        {faults > 0 && lastFault !== undefined && (
          <small>
            {lastFault.cause}, {clockTime(Date.parse(lastFault.at), nowMs)}
          </small>
        )}
      </td>
      <td class="tunnels" data-name="tunnels">
        {whole(traffic?.tunnels ?? 0)}
      </td>
      <td class="weight" data-name="weight">
        {weight}
        {from.weight === 'admin' && <small>set here</small>}
      </td>
      <td class="act">
        <button type="button" onClick={() => steer(id)} aria-label={`Steer ${id}`}>
          Steer…
        </button>
      </td>
    </tr>
  );
}

function faultsOf(rates: UpstreamRates | undefined): number {
  if (rates === undefined) return 0;
  return Object.values(rates.faults).reduce((sum, count) => sum + count, rates.failed);
}

const COLLATOR = new Intl.Collator('en', { numeric: true });

function compare(a: string | number, b: string | number): number {
  return typeof a === 'number' && typeof b === 'number' ? a - b : COLLATOR.compare(String(a), String(b));
}
