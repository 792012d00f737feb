import { StickyError } from '../../../base/errors.js';

// All that the store asks of a client, so that it depends on none.

/** node-redis: `createClient()` of `redis` or `@redis/client`. */
export interface NodeRedisClient {
  readonly isReady: boolean;
  sendCommand(args: string[], options?: object): Promise<unknown>;
  duplicate(): object;
}

// Its types ask for a listener of texts to subscribe, and for one of texts or bytes to unsubscribe; it is
// called with a text.
type Heard = (message: any) => void;

/** node-redis: `createSentinel()`. */
export interface NodeRedisSentinel {
  sendCommand(isReadonly: boolean | undefined, args: string[], options?: object): Promise<unknown>;
  subscribe(channel: string, heard: Heard): Promise<unknown>;
  unsubscribe(channel: string, heard: Heard): Promise<unknown>;
  acquire(): unknown;
}

/** node-redis: `createCluster()`. */
export interface NodeRedisCluster {
  sendCommand(
    firstKey: string | undefined,
    isReadonly: boolean | undefined,
    args: string[],
    options?: object,
  ): Promise<unknown>;
  subscribe(channel: string, heard: Heard): Promise<unknown>;
  unsubscribe(channel: string, heard: Heard): Promise<unknown>;
  getSlotMaster(slot: number): unknown;
}

/** ioredis: `new Redis()`, with or without Sentinels, and `new Cluster()`. */
export interface IoredisClient {
  readonly isCluster: boolean;
  call(command: string, args: string[]): Promise<unknown>;
  duplicate(options?: object): object;
}

export type RedisClient = NodeRedisClient | NodeRedisSentinel | NodeRedisCluster | IoredisClient;

/** Ends a subscription, also one that has not begun to listen yet. */
export type Unsubscribe = () => void;

/** What the store sends through, whichever client it is. */
export interface RedisPort {
  /** Keys of two partitions can't be in one command. */
  readonly isCluster: boolean;
  /** It may send a command again whose connection broke before the answer came. */
  readonly resends: boolean;
  /** `signal`: nobody waits for it any more; the client may drop it if it has not been sent. */
  send(key: string, args: string[], signal: AbortSignal): Promise<unknown>;
  /** The client itself mends what breaks; `lost` is called, once, where it can't or gives up. */
  subscribe(channel: string, heard: (message: string) => void, lost: (error: unknown) => void): Unsubscribe;
}

// 37 is RESP3's map. As a list it keeps a field called __proto__, which node-redis loses when it makes an
// object of it.
const MAPS_AS_LISTS = { 37: Array };
// node-redis 6 would make a timer and a signal for each command; the store has a time limit of its own, and
// one timer for all.
const OWN_LIMIT = { typeMapping: MAPS_AS_LISTS, timeout: undefined };

/**
 * ioredis: a subscription waits for its connection and comes back with it, whatever the app's own commands
 * are to do.
 */
const OF_SUBSCRIBER = { enableOfflineQueue: true, maxRetriesPerRequest: null, autoResubscribe: true };

export function redisPort(client: RedisClient): RedisPort {
  if (has(client, 'call')) return ioredisPort(client as IoredisClient);
  if (has(client, 'getSlotMaster')) return clusterPort(client as NodeRedisCluster);
  if (has(client, 'acquire')) return sentinelPort(client as NodeRedisSentinel);
  if (has(client, 'sendCommand') && has(client, 'duplicate')) return singlePort(client as NodeRedisClient);
  throw new StickyError(
    'STICKY_STORE_MISUSED',
    'The redis store takes a client of node-redis (createClient, createSentinel, createCluster) or of ioredis (Redis, Cluster); this is neither.',
  );
}

function singlePort(client: NodeRedisClient): RedisPort {
  const waiting = sharedOptions();
  return {
    isCluster: false,
    resends: false,
    // What is sent at once needs no signal, which costs.
    send: (_, args, signal) => client.sendCommand(args, client.isReady ? OWN_LIMIT : waiting(signal)),
    subscribe: (channel, heard, lost) =>
      subscribeNodeRedis(client.duplicate() as NodeRedisSubscriber, channel, heard, lost),
  };
}

function sentinelPort(client: NodeRedisSentinel): RedisPort {
  const options = sharedOptions();
  return {
    isCluster: false,
    resends: true,
    send: (_, args, signal) => client.sendCommand(false, args, options(signal)),
    subscribe: (channel, heard, lost) => subscribeWithin(client, channel, heard, lost),
  };
}

function clusterPort(client: NodeRedisCluster): RedisPort {
  const options = sharedOptions();
  return {
    isCluster: true,
    resends: false,
    async send(key, args, signal) {
      try {
        return await client.sendCommand(key, false, args, options(signal));
      } catch (error) {
        // Its map of slots has a hole, where it was read before the cluster was whole; nothing was sent. It
        // reads the map anew when a server says that a key has moved, so any server is asked.
        if (!(error instanceof TypeError) || signal.aborted) throw error;
        return await client.sendCommand(undefined, false, args, options(signal));
      }
    },
    subscribe: (channel, heard, lost) => subscribeWithin(client, channel, heard, lost),
  };
}

function ioredisPort(client: IoredisClient): RedisPort {
  return {
    isCluster: client.isCluster,
    resends: true,
    send: (_, args) => client.call(args[0]!, args.slice(1)),
    // A Cluster has a connection of its own for subscriptions; a single client gives its only one up to them.
    subscribe: (channel, heard, lost) =>
      subscribeIoredis(
        (client.isCluster ? client : client.duplicate(OF_SUBSCRIBER)) as IoredisSubscriber,
        !client.isCluster,
        channel,
        heard,
        lost,
      ),
  };
}

/** Commands of one moment share a signal, and so their options. */
function sharedOptions(): (signal: AbortSignal) => object {
  let options: { readonly typeMapping: object; readonly abortSignal: AbortSignal } | undefined;
  return (signal) =>
    options?.abortSignal === signal ? options : (options = { ...OWN_LIMIT, abortSignal: signal });
}

interface NodeRedisSubscriber {
  readonly isOpen: boolean;
  on(event: string, listener: (error: unknown) => void): unknown;
  connect(): Promise<unknown>;
  subscribe(channel: string, heard: (message: string) => void): Promise<unknown>;
  destroy(): void;
}

/** A connection that subscribes takes no other commands in RESP2, so it gets one of its own. */
function subscribeNodeRedis(
  own: NodeRedisSubscriber,
  channel: string,
  heard: (message: string) => void,
  lost: (error: unknown) => void,
): Unsubscribe {
  const end = once(() => own.destroy());
  const fail = (error: unknown): void => {
    if (end()) lost(error);
  };
  // Without a listener an error ends the process. One that its reconnectStrategy gives up at is told of like
  // any other.
  own.on('error', (error) =>
    queueMicrotask(() => {
      if (!own.isOpen) fail(error);
    }),
  );
  own
    .connect()
    .then(() => own.subscribe(channel, heard))
    .catch(fail);
  return end;
}

/** Sentinel and Cluster clients keep a connection of their own for subscriptions, and move it. */
function subscribeWithin(
  client: NodeRedisSentinel | NodeRedisCluster,
  channel: string,
  heard: (message: string) => void,
  lost: (error: unknown) => void,
): Unsubscribe {
  const end = once(() => client.unsubscribe(channel, heard));
  client.subscribe(channel, heard).catch((error: unknown) => {
    if (end()) lost(error);
  });
  return end;
}

interface IoredisSubscriber {
  on(event: string, listener: (...args: string[]) => void): unknown;
  off(event: string, listener: (...args: string[]) => void): unknown;
  subscribe(channel: string): Promise<unknown>;
  unsubscribe(channel: string): Promise<unknown>;
  disconnect(): void;
}

function subscribeIoredis(
  subscriber: IoredisSubscriber,
  isOwn: boolean,
  channel: string,
  heard: (message: string) => void,
  lost: (error: unknown) => void,
): Unsubscribe {
  const listener = (from: string, message: string): void => {
    if (from === channel) heard(message);
  };
  const end = once(() => {
    subscriber.off('message', listener);
    return isOwn ? subscriber.disconnect() : subscriber.unsubscribe(channel);
  });
  const fail = (error: unknown): void => {
    if (end()) lost(error);
  };
  if (isOwn) {
    subscriber.on('error', () => {}); // without a listener each one is printed
    subscriber.on('end', () => fail(undefined));
  }
  subscriber.on('message', listener);
  subscriber.subscribe(channel).catch(fail);
  return end;
}

/**
 * True when it was done now, false when it had been before. A client that is closed by then has nothing to
 * end.
 */
function once(end: () => unknown): () => boolean {
  let isDone = false;
  return () => {
    if (isDone) return false;
    isDone = true;
    void (async () => await end())().catch(() => {});
    return true;
  };
}

function has(client: object | undefined, method: string): boolean {
  return typeof (client as Record<string, unknown> | undefined)?.[method] === 'function';
}
