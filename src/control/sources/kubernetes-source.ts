import type { Timer } from '../../base/clock.js';
import type { SourceContext, SourceDefinition, SourceListener } from '../../route/pool/source.js';
import { newsOfSlices, readSlice, type EndpointSlice } from './endpoint-slices.js';
import { readAccess, type KubernetesAccess } from './kubernetes-access.js';
import { KubernetesCall } from './kubernetes-call.js';
import { KubernetesFailure } from './kubernetes-failure.js';
import { kubernetesOptions, type KubernetesSourceOptions } from './kubernetes-options.js';

/** Slices a page. */
const PAGE = 500;
const PAGES_MAX = 100;
const LIST_BYTES_MAX = 64 * 1024 * 1024;
const LIST_SILENCE_MS = 10_000;
/** The API server ends a watch after this, and the next goes on from there. So a broken one shows soon. */
const WATCH_SECONDS = 60;
const WATCH_SILENCE_MS = (WATCH_SECONDS + 10) * 1000;
/** A watch that ends sooner is a failure. */
const WATCH_MS_MIN = 1000;
const AGAIN_MS_MIN = 1000;
const AGAIN_MS_MAX = 30_000;

/** The pods behind a service of Kubernetes, by its EndpointSlices. */
export const kubernetesSource: SourceDefinition<KubernetesSourceOptions> = {
  name: 'kubernetes',
  options: kubernetesOptions,
  subject: ({ service, namespace }) => (namespace === undefined ? service : `${namespace}/${service}`),
  create: (options, context) => ({ start: (listener) => new SliceFollower(options, context, listener) }),
};

/** Lists, then watches from there; lists again when the API server says that it must. */
class SliceFollower implements Timer {
  readonly #options: KubernetesSourceOptions;
  readonly #context: SourceContext;
  readonly #listener: SourceListener;
  /** By name; those that changed last stand last. */
  #slices = new Map<string, EndpointSlice>();
  /** From where to watch; undefined: nothing is listed yet. */
  #version: string | undefined;
  #namespace = 'default';
  #failures = 0;
  #call: KubernetesCall | undefined;
  #pause: Timer | undefined;
  #isStopped = false;

  constructor(options: KubernetesSourceOptions, context: SourceContext, listener: SourceListener) {
    this.#options = options;
    this.#context = context;
    this.#listener = listener;
    this.#pause = context.clock.after(0, () => void this.#go());
  }

  stop(): void {
    this.#isStopped = true;
    this.#pause?.stop();
    this.#call?.stop();
  }

  /** One list or watch, and then the next. */
  async #go(): Promise<void> {
    const { clock, random, folder } = this.#context;
    let waitMs = 0;
    try {
      const access = readAccess(this.#options, folder, process.env);
      this.#namespace = access.namespace;
      if (this.#version === undefined) await this.#list(access);
      else await this.#watch(access, this.#version);
    } catch (error) {
      if (this.#isStopped) return;
      if (!(error instanceof KubernetesFailure)) throw error;
      if (error.isGone) this.#version = undefined;
      // To list anew is nobody's fault, unless each watch after it comes to nothing too.
      if (!error.isGone || this.#failures > 0) {
        this.#listener.failed(error.message);
        const whole = Math.min(AGAIN_MS_MAX, AGAIN_MS_MIN * 2 ** Math.min(this.#failures, 16));
        // From half to the whole: many gateways lose the same API server.
        waitMs = (whole * (500 + random.below(501))) / 1000;
      }
      this.#failures++;
    }
    if (!this.#isStopped) this.#pause = clock.after(waitMs, () => void this.#go());
  }

  async #list(access: KubernetesAccess): Promise<void> {
    const slices = new Map<string, EndpointSlice>();
    let next = '';
    let version = '';
    for (let page = 0; page === 0 || next !== ''; page++) {
      if (page === PAGES_MAX) throw new KubernetesFailure(`the list has more than ${PAGES_MAX} pages.`);
      let text = '';
      const more = next === '' ? '' : `&continue=${encodeURIComponent(next)}`;
      const limits = { silenceMs: LIST_SILENCE_MS, bytesMax: LIST_BYTES_MAX };
      await this.#ask(access, `limit=${PAGE}${more}`, limits, ([whole = '']) => (text = whole));
      const list = parsed(text) as {
        readonly metadata?: { readonly resourceVersion?: unknown; readonly continue?: unknown };
        readonly items?: unknown;
      };
      if (!Array.isArray(list.items) || typeof list.metadata?.resourceVersion !== 'string')
        throw new KubernetesFailure('the API server answered something that is no list.');
      for (const item of list.items as readonly unknown[]) {
        const slice = readSlice(item);
        if (slice === undefined)
          throw new KubernetesFailure('the API server listed something that is no EndpointSlice.');
        slices.set(slice.metadata.name, slice);
      }
      version = list.metadata.resourceVersion;
      next = typeof list.metadata.continue === 'string' ? list.metadata.continue : '';
    }
    this.#slices = slices;
    this.#version = version;
    this.#tell();
  }

  async #watch(access: KubernetesAccess, version: string): Promise<void> {
    const { clock } = this.#context;
    const startedAtMs = clock.monotonic();
    let lines = 0;
    const query = `watch=1&allowWatchBookmarks=true&timeoutSeconds=${WATCH_SECONDS}&resourceVersion=${encodeURIComponent(version)}`;
    await this.#ask(access, query, { silenceMs: WATCH_SILENCE_MS }, (all) => {
      let isNews = false;
      for (const line of all) if (line !== '') isNews = this.#event(line) || isNews;
      lines += all.length;
      this.#failures = 0;
      if (isNews) this.#tell();
    });
    if (lines === 0 && clock.monotonic() - startedAtMs < WATCH_MS_MIN)
      throw new KubernetesFailure('the API server ended the watch at once.');
    this.#failures = 0;
  }

  /** Answers whether the slices are others. */
  #event(line: string): boolean {
    const { type, object } = parsed(line) as { readonly type?: unknown; readonly object?: unknown };
    if (type === 'ERROR') {
      const { code } = (object ?? {}) as { readonly code?: unknown };
      if (code === 410) throw new KubernetesFailure('what was known is too old.', true);
      throw new KubernetesFailure(
        `the API server ended the watch (${typeof code === 'number' ? code : 'no code'}).`,
      );
    }
    if (type === 'BOOKMARK') {
      const { metadata } = (object ?? {}) as { readonly metadata?: { readonly resourceVersion?: unknown } };
      if (typeof metadata?.resourceVersion === 'string') this.#version = metadata.resourceVersion;
      return false;
    }
    const slice = readSlice(object);
    if (slice === undefined)
      throw new KubernetesFailure('the API server told of something that is no EndpointSlice.', true);
    const { name, resourceVersion } = slice.metadata;
    this.#version = resourceVersion;
    this.#slices.delete(name);
    if (type !== 'DELETED') this.#slices.set(name, slice);
    return true;
  }

  #tell(): void {
    const { service, port, isHttps, serverName, family } = this.#options;
    const choice = { service, port, isHttps, serverName, family, namespace: this.#namespace };
    this.#listener.found(newsOfSlices(this.#slices.values(), choice));
  }

  async #ask(
    access: KubernetesAccess,
    query: string,
    limits: { readonly silenceMs: number; readonly bytesMax?: number },
    onLines: (lines: readonly string[]) => void,
  ): Promise<void> {
    const selector = encodeURIComponent(`kubernetes.io/service-name=${this.#options.service}`);
    const path = `/apis/discovery.k8s.io/v1/namespaces/${access.namespace}/endpointslices?labelSelector=${selector}&${query}`;
    const call = new KubernetesCall(this.#context.clock);
    this.#call = call;
    try {
      await call.run(access, path, limits, (lines) => {
        if (!this.#isStopped) onLines(lines);
      });
    } finally {
      this.#call = undefined;
    }
    if (this.#isStopped) throw new KubernetesFailure('stopped');
  }
}

function parsed(text: string): object {
  try {
    const value: unknown = JSON.parse(text);
    if (typeof value === 'object' && value !== null) return value;
  } catch {
    // Told below.
  }
  throw new KubernetesFailure('the API server sent what is no JSON.', true);
}
