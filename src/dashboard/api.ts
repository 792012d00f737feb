import { after } from './browser-time.js';
import { eventsIn, type StreamedEvent } from './event-text.js';

const TOKEN_NAME = 'stickyroute-admin-token';
const ANSWER_MS_MAX = 10_000;
/** A snapshot comes every second: a stream that is silent for so long is dead. */
const SILENCE_MS_MAX = 8000;

/** What the admin API refused, in its words. */
export class ApiRefusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

/** The token stays in this tab and ends with it. */
export function setToken(token: string): void {
  sessionStorage.setItem(TOKEN_NAME, token);
}

export function hasToken(): boolean {
  return sessionStorage.getItem(TOKEN_NAME) !== null;
}

export function forgetToken(): void {
  sessionStorage.removeItem(TOKEN_NAME);
}

/** Asks the admin API. Rejects with ApiRefusal when it refuses. A body makes it a POST. */
export async function askApi<T>(path: string, body?: object): Promise<T> {
  const abort = new AbortController();
  const stop = after(ANSWER_MS_MAX, () => abort.abort(new Error('The answer took too long.')));
  try {
    const response = await fetch(path, {
      method: body === undefined ? 'GET' : 'POST',
      headers: fields(body === undefined ? {} : { 'content-type': 'application/json' }),
      cache: 'no-store',
      signal: abort.signal,
      ...(body !== undefined && { body: JSON.stringify(body) }),
    });
    if (!response.ok) throw await refusalOf(response);
    return (await response.json()) as T;
  } finally {
    stop();
  }
}

export function upstreamPath(pool: string, upstream: string): string {
  return `/pools/${encodeURIComponent(pool)}/upstreams/${encodeURIComponent(upstream)}`;
}

/**
 * Reads the event stream until it ends. EventSource can't send a token, so this reads the answer of fetch.
 * Rejects when there is no stream or it breaks.
 */
export async function followEvents(
  lastEventId: string | undefined,
  take: (event: StreamedEvent) => void,
): Promise<void> {
  const abort = new AbortController();
  let stop: (() => void) | undefined;
  const heard = (): void => {
    stop?.();
    stop = after(SILENCE_MS_MAX, () => abort.abort(new Error('The stream fell silent.')));
  };
  heard();
  try {
    const response = await fetch('/events', {
      headers: fields({
        accept: 'text/event-stream',
        ...(lastEventId !== undefined && { 'last-event-id': lastEventId }),
      }),
      cache: 'no-store',
      signal: abort.signal,
    });
    if (!response.ok) throw await refusalOf(response);
    const reader = response.body!.pipeThrough(new TextDecoderStream()).getReader();
    const events = eventsIn();
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      heard();
      for (const event of events(value)) take(event);
    }
  } finally {
    stop?.();
  }
}

function fields(more: Readonly<Record<string, string>>): Record<string, string> {
  const token = sessionStorage.getItem(TOKEN_NAME);
  return { ...more, ...(token !== null && { authorization: `Bearer ${token}` }) };
}

async function refusalOf(response: Response): Promise<ApiRefusal> {
  const said = (await response.json().catch(() => undefined)) as { error?: { message?: string } } | undefined;
  return new ApiRefusal(response.status, said?.error?.message ?? `The answer was ${response.status}.`);
}
