import type { Happened } from './live-state.js';

const WHOLE = new Intl.NumberFormat('en', { maximumFractionDigits: 0 });
const FINE = new Intl.NumberFormat('en', { maximumFractionDigits: 1 });

/** `1 240`, with thin spaces: no comma that another country reads as a point. */
export function whole(value: number): string {
  return WHOLE.format(value).replaceAll(',', ' ');
}

export function perSecond(value: number): string {
  return value >= 100 ? whole(value) : FINE.format(value);
}

export function shareText(part: number, all: number): string {
  if (all === 0) return '–';
  const percent = (100 * part) / all;
  // 99.97 is not 100: one user who was moved must be seen.
  const shown = part < all ? Math.min(percent, 99.9) : percent;
  return `${shown < 10 || shown > 90 ? FINE.format(Math.floor(shown * 10) / 10) : Math.floor(shown)} %`;
}

export function milliseconds(ms: number | null | undefined): string {
  if (ms === undefined || ms === null) return '–';
  if (ms < 10) return `${FINE.format(ms)} ms`;
  if (ms < 1000) return `${whole(ms)} ms`;
  return `${FINE.format(ms / 1000)} s`;
}

/** `2 h 5 min`: two units at most. */
export function spanText(ms: number): string {
  const seconds = Math.max(0, Math.round(ms / 1000));
  if (seconds < 60) return `${seconds} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 10 && seconds % 60 !== 0) return `${Math.floor(seconds / 60)} min ${seconds % 60} s`;
  if (minutes < 60) return `${minutes} min`;
  const hours = Math.floor(minutes / 60);
  if (hours < 48) return minutes % 60 === 0 ? `${hours} h` : `${hours} h ${minutes % 60} min`;
  return `${Math.round(hours / 24)} days`;
}

export function ago(atMs: number, nowMs: number): string {
  return nowMs - atMs < 5000 ? 'just now' : `${spanText(nowMs - atMs)} ago`;
}

/** The time of day, and the day where it is another one. */
export function clockTime(atMs: number, nowMs: number): string {
  const at = new Date(atMs);
  const time = at.toLocaleTimeString('en-GB');
  return at.toDateString() === new Date(nowMs).toDateString()
    ? time
    : `${at.toLocaleDateString('en-GB', { day: 'numeric', month: 'short' })} ${time}`;
}

export function users(count: number): string {
  return count === 1 ? '1 user' : `${whole(count)} users`;
}

export const WHY_WORDS: Readonly<Record<string, string>> = {
  unreadable: 'what the client sent can’t be read',
  expired: 'the binding was too old',
  gone: 'its upstream is not in the pool any more',
  down: 'its upstream is down',
  draining: 'its upstream is being drained',
  out: 'its upstream is out',
  beside: 'the first request of its connection went there',
};

export const OUTCOME_WORDS: Readonly<Record<string, string>> = {
  bound: 'the client’s binding names it',
  keyed: 'the client’s key belongs there',
  balanced: 'nobody is known to it yet: the balance chose',
  moved: 'the user is moved on purpose',
  borrowed: 'its own upstream can’t be used just now: it goes there for this request',
  rehomed: 'its own upstream can’t be used: it is bound to another one',
  rejected: 'its own upstream can’t be used: the request is refused',
};

/** What happened, as a sentence. */
export function eventSentence(event: Happened): string {
  const { kind, upstream, by } = event;
  const text = (name: string): string => {
    const value = event[name];
    return value === undefined ? '' : String(value);
  };
  const who = by === undefined ? '' : `, by ${by}`;
  const cause = [text('why'), text('cause')].filter((part) => part !== '').join(', ');
  switch (kind) {
    case 'condition':
      return `${upstream} is ${text('to')}, it was ${text('from')}${cause === '' ? '' : ` (${cause})`}`;
    case 'standing':
      return `${upstream} is ${text('to')}, it was ${text('from')}${who}`;
    case 'weight':
      return `${upstream} has weight ${text('to')}, it was ${text('from')}${who}`;
    case 'drained':
      return `${upstream} is drained: nobody is sent there any more`;
    case 'joined':
      return `${upstream} joined, at ${text('url')}`;
    case 'left':
      return `${upstream} left`;
    case 'reloaded':
      return `The configuration was read again${who}`;
    case 'reloadFailed':
      return `The configuration could not be taken: ${text('code')}${who}`;
    case 'certificate':
      return `Another certificate is in use, valid until ${text('validUntil')}`;
    case 'worker':
      return `Worker ${text('worker')} ${text('is') === 'listening' ? 'listens' : 'has ended'}${cause === '' ? '' : ` (${cause})`}`;
    default:
      return [kind, upstream, cause].filter((part) => part !== undefined && part !== '').join(' ');
  }
}
