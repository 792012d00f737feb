import { render } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { AffinityPanel } from './affinity-panel.js';
import { every, nowMs } from './browser-time.js';
import { EventsPanel } from './events-panel.js';
import { LiveState, type LinkState } from './live-state.js';
import { QuestionPanel } from './question-panel.js';
import { SignIn } from './sign-in.js';
import { SteeringDialog, type Verb } from './steering-dialog.js';
import { UnderWayPanel } from './under-way-panel.js';
import { UpstreamTable } from './upstream-table.js';
import { spanText } from './wording.js';

interface Steering {
  readonly upstream: string;
  readonly verb: Verb;
}

export function App() {
  const [, setTurn] = useState(0);
  const live = useMemo(() => new LiveState(() => setTurn((turn) => turn + 1)), []);
  const [wantedPool, setPool] = useState<string>();
  const [steering, setSteering] = useState<Steering>();
  const [said, setSaid] = useState('');
  useEffect(() => void live.connect(), []);

  const { connection, status, pools } = live;
  if (connection.is === 'locked') return <SignIn why={connection.why} enter={() => void live.connect()} />;
  const pool = pools.find(({ name }) => name === wantedPool) ?? pools[0];
  const locked =
    status?.write === false
      ? 'This admin API is for looking only: admin.write of the configuration is off.'
      : undefined;
  const steered = pool?.upstreams.find(({ id }) => id === steering?.upstream);
  return (
    <>
      <header>
        <h1>stickyroute</h1>
        {pools.length > 1 && (
          <label class="pool">
            Pool
            <select value={pool?.name} onChange={({ currentTarget }) => setPool(currentTarget.value)}>
              {pools.map(({ name }) => (
                <option key={name} value={name}>
                  {name}
                </option>
              ))}
            </select>
          </label>
        )}
        <p class="facts">
          {status !== undefined && (
            <>
              <span>{status.address}</span> <span>version {status.version}</span>{' '}
              <span>
                {status.workers.listening === status.workers.wanted
                  ? plural(status.workers.listening, 'process', 'processes')
                  : `${status.workers.listening} of ${status.workers.wanted} processes`}
              </span>{' '}
              {locked !== undefined && <span title={locked}>looking only</span>}
            </>
          )}
        </p>
        <ConnectionMark connection={connection} live={live} />
      </header>
      {pool === undefined ? (
        <main>
          <p class="quiet">{connection.is === 'lost' ? connection.why : 'Asking the gateway …'}</p>
        </main>
      ) : (
        <main class={connection.is === 'lost' ? 'stale' : undefined}>
          <AffinityPanel live={live} pool={pool.name} />
          <div class="beside">
            <UnderWayPanel
              live={live}
              pool={pool}
              stop={(upstream) => setSteering({ upstream, verb: 'enable' })}
            />
            <EventsPanel live={live} pool={pool.name} />
            <QuestionPanel />
          </div>
          <UpstreamTable
            live={live}
            pool={pool}
            steer={(upstream) => setSteering({ upstream, verb: 'drain' })}
          />
        </main>
      )}
      {steering !== undefined && pool !== undefined && steered !== undefined && (
        <SteeringDialog
          steered={{
            pool,
            upstream: steered,
            nowMs: live.nowMs,
          }}
          verb={steering.verb}
          locked={locked}
          close={() => setSteering(undefined)}
          done={(text) => {
            setSaid(text);
            setSteering(undefined);
            void live.refresh().catch(() => {});
          }}
        />
      )}
      <p class="unseen" role="status">
        {said !== '' ? said : live.announcement}
      </p>
    </>
  );
}

function ConnectionMark({ connection, live }: { readonly connection: LinkState; readonly live: LiveState }) {
  if (connection.is === 'live') return <p class="connection live">live</p>;
  if (connection.is !== 'lost') return <p class="connection">connecting …</p>;
  return (
    <p class="connection lost" role="alert">
      connection lost: {connection.why} <Countdown untilMs={connection.againAtMs} />{' '}
      <button type="button" onClick={() => void live.connect()}>
        Now
      </button>
    </p>
  );
}

/** Not said aloud each second. */
function Countdown({ untilMs }: { readonly untilMs: number }) {
  const [leftMs, setLeft] = useState(untilMs - nowMs());
  useEffect(() => every(500, () => setLeft(untilMs - nowMs())), [untilMs]);
  return <span aria-hidden="true">{leftMs <= 0 ? 'asking …' : `again in ${spanText(leftMs)}`}</span>;
}

function plural(count: number, one: string, many: string): string {
  return `${count} ${count === 1 ? one : many}`;
}

render(<App />, document.getElementById('app')!);
