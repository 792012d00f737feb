import { useState } from 'preact/hooks';
import type { Happened, LiveState } from './live-state.js';
import { clockTime, eventSentence } from './wording.js';

const SHOWN = 12;
const SHOWN_MORE = 200;

/** What happened, the newest first. Those of other pools stay away; those of no pool concern all. */
export function EventsPanel({ live, pool }: { readonly live: LiveState; readonly pool: string }) {
  const [isWhole, setWhole] = useState(false);
  const events = live.events.filter((event) => event.pool === undefined || event.pool === pool);
  return (
    <section aria-labelledby="events-title">
      <h2 id="events-title">What happened</h2>
      {events.length === 0 ? (
        <p class="quiet">Nothing since the gateway started.</p>
      ) : (
        <ol class="events">
          {events.slice(0, isWhole ? SHOWN_MORE : SHOWN).map((event) => (
            <li key={event.id} class={tone(event)}>
              <time dateTime={event.at}>{clockTime(Date.parse(event.at), live.nowMs)}</time>
              <span>{eventSentence(event)}</span>
            </li>
          ))}
        </ol>
      )}
      {events.length > SHOWN && (
        <button type="button" aria-expanded={isWhole} onClick={() => setWhole(!isWhole)}>
          {isWhole ? 'Fewer' : `All ${events.length}`}
        </button>
      )}
    </section>
  );
}

function tone(event: Happened): string {
  if (event.kind === 'reloadFailed' || event['to'] === 'down') return 'bad';
  return event['to'] === 'up' || event['to'] === 'in' ? 'good' : '';
}
