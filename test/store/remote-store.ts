import { fork, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { StickyError, type StickyErrorCode } from '../../src/base/errors.js';
import type { Changed } from '../../src/state/store/change.js';
import type { FeedListener, FeedPosition } from '../../src/state/store/feed.js';
import type { Linked, StoredRecord } from '../../src/state/store/record.js';
import type { Store } from '../../src/state/store/store.js';

interface Answer {
  readonly id?: number;
  readonly ready?: boolean;
  readonly value?: unknown;
  readonly error?: { readonly code: StickyErrorCode; readonly message: string };
  readonly position?: FeedPosition & { readonly vouchedAtMs: number | null };
  readonly noted?: Parameters<FeedListener['noted']>;
  readonly missed?: Parameters<FeedListener['missed']>;
}

export interface RemoteStore extends Store {
  readonly pid: number;
  advance(ms: number): Promise<void>;
}

const running = new Set<ChildProcess>();
process.on('exit', () => running.forEach((child) => child.kill('SIGKILL')));

const UNKNOWN: FeedPosition = { run: '', sequence: 0, vouchedAtMs: -Infinity };

/** An lmdb store that another process has open; every call goes there and back. */
export async function remoteStore(path: string): Promise<RemoteStore> {
  const child = fork(fileURLToPath(new URL('store-process.mjs', import.meta.url)), [path], {
    serialization: 'advanced',
  });
  running.add(child);
  const waiting = new Map<number, (answer: Answer) => void>();
  const listeners = new Set<FeedListener>();
  let position = UNKNOWN;
  let calls = 0;
  const isReady = new Promise<void>((resolve, reject) => {
    child.once('exit', () => {
      running.delete(child);
      reject(new Error('the process of the store ended'));
    });
    child.on('message', (message: Answer) => {
      if (message.ready === true) resolve();
      if (message.position !== undefined) position = message.position;
      for (const listener of listeners) {
        if (message.noted !== undefined) listener.noted(...message.noted);
        if (message.missed !== undefined) listener.missed(...message.missed);
      }
      if (message.id !== undefined) waiting.get(message.id)?.(message);
      if (message.id !== undefined) waiting.delete(message.id);
    });
  });
  await isReady;

  const call = async (name: string, ...args: unknown[]): Promise<unknown> => {
    const id = calls++;
    const answer = await new Promise<Answer>((resolve) => {
      waiting.set(id, resolve);
      child.send({ id, name, args });
    });
    if (answer.error !== undefined) throw new StickyError(answer.error.code, answer.error.message);
    return answer.value;
  };

  return {
    name: 'lmdb',
    partitions: 1,
    pid: child.pid!,
    async read(partition, key) {
      const record = (await call('read', partition, key)) as
        (Omit<StoredRecord, 'fields'> & { fields: [string, string][] }) | undefined;
      return record === undefined ? undefined : { ...record, fields: Object.fromEntries(record.fields) };
    },
    change: async (partition, change) => {
      // An object with a field called __proto__ does not survive the way there.
      return (await call('change', partition, JSON.stringify(change))) as Changed;
    },
    list: async (partition, index) => (await call('list', partition, index)) as Linked[],
    sequence: async (partition) => (await call('sequence', partition)) as number,
    advance: async (ms) => void (await call('advance', ms)),
    feed: {
      follow(listener) {
        listeners.add(listener);
        void call('follow');
        return {
          position: () => position,
          stop() {
            listeners.delete(listener);
            if (listeners.size === 0) void call('unfollow');
          },
        };
      },
    },
    async close() {
      await call('close');
      const ended = new Promise((resolve) => child.once('exit', resolve));
      child.disconnect();
      await ended;
    },
  };
}
