import { request as httpRequest, type IncomingHttpHeaders } from 'node:http';
import { afterAll } from 'vitest';

export interface AdminAnswer {
  readonly status: number;
  readonly fields: IncomingHttpHeaders;
  readonly text: string;
  json(): any;
}

export interface AdminAsk {
  readonly method?: string;
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
  readonly token?: string;
}

const ends = new Set<() => void>();
afterAll(() => {
  for (const end of ends) end();
});

/** One request to an admin API, by its address as the gateway says it. A body makes it a POST. */
export function askAdmin(address: string, path: string, ask: AdminAsk = {}): Promise<AdminAnswer> {
  const { body, token, method = body === undefined ? 'GET' : 'POST' } = ask;
  const headers = {
    ...(body !== undefined && { 'content-type': 'application/json' }),
    ...(token !== undefined && { authorization: `Bearer ${token}` }),
    ...ask.headers,
  };
  return new Promise((resolve, reject) => {
    const request = httpRequest({ ...whereOf(address), path, method, headers, agent: false }, (answer) => {
      const pieces: Buffer[] = [];
      answer.on('data', (piece: Buffer) => pieces.push(piece));
      answer.on('error', reject);
      answer.on('end', () => {
        const text = Buffer.concat(pieces).toString();
        resolve({ status: answer.statusCode!, fields: answer.headers, text, json: () => JSON.parse(text) });
      });
    });
    request.on('error', reject);
    request.end(body === undefined ? undefined : typeof body === 'string' ? body : JSON.stringify(body));
  });
}

/** An event stream, with what came so far. */
export interface EventsSeen {
  readonly text: string;
  readonly isOver: boolean;
  readonly changes: readonly any[];
  readonly snapshots: readonly any[];
  close(): void;
}

export function followEvents(address: string, headers: Readonly<Record<string, string>> = {}): EventsSeen {
  const seen = { text: '', isOver: false };
  const request = httpRequest(
    {
      ...whereOf(address),
      path: '/events',
      headers: { accept: 'text/event-stream', ...headers },
      agent: false,
    },
    (answer) => {
      answer.on('data', (piece: Buffer) => (seen.text += piece.toString()));
      answer.on('close', () => (seen.isOver = true));
      answer.on('error', () => {});
    },
  );
  request.on('error', () => (seen.isOver = true));
  request.end();
  const close = (): void => void request.destroy();
  ends.add(close);
  const of = (kind: string): any[] =>
    [...seen.text.matchAll(new RegExp(`event: ${kind}\\ndata: (.*)\\n\\n`, 'g'))].map(([, data]) =>
      JSON.parse(data!),
    );
  return {
    get text() {
      return seen.text;
    },
    get isOver() {
      return seen.isOver;
    },
    get changes() {
      return of('change');
    },
    get snapshots() {
      return of('snapshot');
    },
    close,
  };
}

function whereOf(address: string): { socketPath: string } | { host: string; port: string } {
  if (address.startsWith('unix:')) return { socketPath: address.slice('unix:'.length) };
  const { hostname, port } = new URL(address);
  return { host: hostname.replace(/^\[|\]$/g, ''), port };
}
