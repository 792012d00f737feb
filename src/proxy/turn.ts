import { atTurnEnd } from '../base/clock.js';

/** Wants to begin a request. */
export interface Beginner {
  begin(): void;
}
/** Has something to send. */
export interface Sender {
  send(): void;
}

/** Requests that a turn begins while connections arrive: see docs/decisions/new-connections-come-first.md. */
const REQUESTS_MAX = 2;

// One event loop a process, so one turn at a time.
let isEndAwaited = false;
let hasArrivals = false;
let requestsLeft = Infinity;
let beginners: Beginner[] = [];
let begun = 0;
let senders: Sender[] = [];

/** A connection was taken in this turn. */
export function connectionTaken(): void {
  hasArrivals = true;
  requestsLeft = Math.min(requestsLeft, REQUESTS_MAX);
  awaitEnd();
}

/** Is it this one's turn? If not, its `begin` is called in a later one. */
export function mayBegin(who: Beginner): boolean {
  if (requestsLeft > 0 && begun === beginners.length) {
    requestsLeft--;
    return true;
  }
  beginners.push(who);
  awaitEnd();
  return false;
}

/** Lets it send at the end of this turn. */
export function sendLater(who: Sender): void {
  senders.push(who);
  awaitEnd();
}

function awaitEnd(): void {
  if (isEndAwaited) return;
  isEndAwaited = true;
  atTurnEnd(end);
}

function end(): void {
  isEndAwaited = false;
  requestsLeft = hasArrivals ? REQUESTS_MAX : Infinity;
  hasArrivals = false;
  if (requestsLeft !== Infinity) awaitEnd();
  while (begun < beginners.length && requestsLeft-- > 0) beginners[begun++]!.begin();
  if (begun === beginners.length) {
    beginners = [];
    begun = 0;
  } else awaitEnd();
  const now = senders;
  senders = [];
  for (let at = 0; at < now.length; at++) now[at]!.send();
}
