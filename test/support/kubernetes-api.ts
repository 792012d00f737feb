import { readFileSync } from 'node:fs';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import { afterAll } from 'vitest';

const TLS = new URL('../config/tls/', import.meta.url);
export const API_CA = fileURLToPath(new URL('cert.pem', TLS));

/** A pod as an EndpointSlice tells of it. */
export interface FakePod {
  readonly name: string;
  readonly address: string;
  readonly uid?: string;
  readonly ready?: boolean;
  readonly serving?: boolean;
  readonly terminating?: boolean;
}

export interface FakeSlice {
  readonly pods: readonly FakePod[];
  readonly ports?: readonly { readonly name?: string; readonly port: number }[];
  readonly addressType?: 'IPv4' | 'IPv6';
}

/**
 * What the server does with calls: `well`; with every call a status, silence, or a connection that breaks.
 * `cutLine`: the next line of a watch stops in the middle. `noJson`: it is none.
 */
export type ApiMood =
  'well' | 'silent' | 'reset' | 'cutLine' | 'noJson' | 'endsAtOnce' | 401 | 403 | 404 | 500;

/** A part of Kubernetes' API server: list and watch of EndpointSlices, over https. */
export interface KubernetesApi {
  readonly url: string;
  mood: ApiMood;
  /** What it takes; undefined: anything. */
  token: string | undefined;
  /** Slices a page. */
  pageSize: number;
  /** `list`, `list continue=2`, `watch 7`, of every call so far. */
  readonly calls: string[];
  /** How many watches are open. */
  readonly watches: number;
  set(name: string, slice: FakeSlice | undefined): void;
  bookmark(): void;
  /** Versions before now are too old for a watch. */
  compact(): void;
  /** Tells open watches that they are too old. */
  expire(): void;
  /** Ends the watches that are open, as the server does when their time is over. */
  endWatches(): void;
  close(): Promise<void>;
}

const running = new Set<KubernetesApi>();
afterAll(() => Promise.all([...running].map((api) => api.close())));

export async function startKubernetesApi(slices: Record<string, FakeSlice> = {}): Promise<KubernetesApi> {
  let version = 100;
  let oldest = 0;
  const stored = new Map<string, { readonly version: number; readonly slice: FakeSlice }>();
  const history: { readonly version: number; readonly line: string }[] = [];
  const watchers = new Set<ServerResponse>();
  for (const [name, slice] of Object.entries(slices)) stored.set(name, { version: ++version, slice });
  const tell = (line: string): void => {
    for (const watcher of watchers) {
      if (api.mood === 'cutLine')
        watcher.write(line.slice(0, line.length / 2), () => watcher.socket?.destroy());
      else if (api.mood === 'noJson') watcher.write('{"type": half\n');
      else watcher.write(line);
    }
  };
  const list = (from: number, response: ServerResponse): void => {
    const names = [...stored.keys()];
    const items = names.slice(from, from + api.pageSize).map((name) => objectOf(name, stored.get(name)!));
    const next = from + api.pageSize;
    const metadata = {
      resourceVersion: String(version),
      ...(next < names.length && { continue: String(next) }),
    };
    response.end(
      JSON.stringify({ kind: 'EndpointSliceList', apiVersion: 'discovery.k8s.io/v1', metadata, items }),
    );
  };
  const watch = (from: number, response: ServerResponse): void => {
    response.flushHeaders();
    if (api.mood === 'endsAtOnce') return void response.end();
    if (from < oldest) {
      response.end(`${errorLine()}\n`);
      return;
    }
    watchers.add(response);
    response.on('close', () => watchers.delete(response));
    for (const event of history) if (event.version > from) response.write(event.line);
  };
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    const { pathname, searchParams } = new URL(request.url!, 'https://api');
    const isWatch = searchParams.get('watch') === '1';
    const more = searchParams.get('continue');
    api.calls.push(
      isWatch
        ? `watch ${searchParams.get('resourceVersion')}`
        : `list${more === null ? '' : ` continue=${more}`}`,
    );
    if (typeof api.mood === 'number') return void response.writeHead(api.mood).end('{"kind":"Status"}');
    if (api.mood === 'silent') return;
    if (api.mood === 'reset') return void request.socket.destroy();
    if (api.token !== undefined && request.headers.authorization !== `Bearer ${api.token}`)
      return void response.writeHead(401).end('{"kind":"Status"}');
    if (
      pathname !== '/apis/discovery.k8s.io/v1/namespaces/shop/endpointslices' ||
      searchParams.get('labelSelector') !== 'kubernetes.io/service-name=api'
    )
      return void response.writeHead(404).end('{"kind":"Status"}');
    response.setHeader('content-type', 'application/json');
    if (isWatch) watch(Number(searchParams.get('resourceVersion')), response);
    else list(Number(more ?? 0), response);
  };
  const server = createServer(
    { cert: readFileSync(new URL('cert.pem', TLS)), key: readFileSync(new URL('key.pem', TLS)) },
    serve,
  );
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const api: KubernetesApi = {
    url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`,
    mood: 'well',
    token: undefined,
    pageSize: 500,
    calls: [],
    get watches() {
      return watchers.size;
    },
    set(name, slice) {
      const before = stored.get(name);
      version++;
      if (slice === undefined) stored.delete(name);
      else stored.set(name, { version, slice });
      const type = slice === undefined ? 'DELETED' : before === undefined ? 'ADDED' : 'MODIFIED';
      const object = objectOf(name, { version, slice: slice ?? before!.slice });
      const line = `${JSON.stringify({ type, object })}\n`;
      history.push({ version, line });
      tell(line);
    },
    bookmark() {
      version++;
      const metadata = { resourceVersion: String(version) };
      tell(`${JSON.stringify({ type: 'BOOKMARK', object: { kind: 'EndpointSlice', metadata } })}\n`);
    },
    compact() {
      oldest = ++version;
    },
    expire: () => tell(`${errorLine()}\n`),
    endWatches() {
      for (const watcher of watchers) watcher.end();
    },
    async close() {
      if (!running.delete(api)) return;
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    },
  };
  running.add(api);
  return api;
}

/** As a real one writes it (Kubernetes 1.30), without what nobody reads. */
function objectOf(name: string, { version, slice }: { version: number; slice: FakeSlice }): object {
  return {
    kind: 'EndpointSlice',
    apiVersion: 'discovery.k8s.io/v1',
    metadata: {
      name,
      namespace: 'shop',
      uid: 'f2e1a0de-0000-4000-8000-000000000000',
      resourceVersion: String(version),
      generation: version,
      labels: {
        'endpointslice.kubernetes.io/managed-by': 'endpointslice-controller.k8s.io',
        'kubernetes.io/service-name': 'api',
      },
    },
    addressType: slice.addressType ?? 'IPv4',
    endpoints: slice.pods.map(({ name: pod, address, uid, ready = true, serving, terminating = false }) => ({
      addresses: [address],
      conditions: { ready: ready && !terminating, serving: serving ?? ready, terminating },
      nodeName: 'worker-1',
      zone: 'eu-1a',
      targetRef: { kind: 'Pod', namespace: 'shop', name: pod, uid: uid ?? `uid-of-${pod}` },
    })),
    ports: (slice.ports ?? [{ name: 'http', port: 8080 }]).map((port) => ({ protocol: 'TCP', ...port })),
  };
}

function errorLine(): string {
  const object = { kind: 'Status', status: 'Failure', reason: 'Expired', code: 410 };
  return JSON.stringify({ type: 'ERROR', object });
}
