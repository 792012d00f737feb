import { systemClock, type Clock } from '../../../base/clock.js';
import { DAY_MS, HOUR_MS } from '../../../base/duration.js';
import { StickyError } from '../../../base/errors.js';
import { checkNames, readDuration, readFunction, type Duration } from '../../../base/options.js';
import { systemRandom, type Random } from '../../../base/random.js';
import type { Change, Changed } from '../change.js';
import { checkChange, checkKey, checkPartition } from '../check.js';
import { report, type OnFault } from '../fault.js';
import type { Feed } from '../feed.js';
import type { FeedReply } from '../feed-follower.js';
import type { Linked, StoredRecord } from '../record.js';
import { SharedFeed } from '../shared-feed.js';
import type { Store } from '../store.js';
import { changeCall } from './change-call.js';
import { redisPort, type RedisClient, type RedisPort } from './client.js';
import {
  redisFailure,
  isNoScript,
  isTryAgain,
  isWrongType,
  otherLayout,
  strangeKey,
  tooLate,
} from './failure.js';
import { redisFeedSource } from './feed-source.js';
import { partitionKeys, type PartitionKeys } from './keys.js';
import { mergeCall } from './merge-call.js';
import {
  hashRecord,
  list,
  readPushedNote,
  scriptReply,
  text,
  replyNumber,
  type HashRecord,
  type ScriptReply,
} from './reply.js';
import { ASK, CHANGE, LIST, MERGE, type Script } from './scripts.js';
import { ServerClock } from './server-clock.js';
import { TimeLimit } from '../time-limit.js';

export interface RedisStoreOptions {
  /** What every key and the feed's channel begin with, `sr` unless set. One store a prefix. */
  readonly prefix?: string | undefined;
  /**
   * From 1 to 64, 16 unless set; the same in every process. In Redis Cluster they are what the slots share
   * out.
   */
  readonly partitions?: number | undefined;
  /**
   * How long Redis may take to answer, such as `2s` (unless set). After it a call rejects with
   * `STICKY_STORE_DOWN`.
   */
  readonly timeout?: Duration | undefined;
  /** How often followers of the feed ask whether they missed anything, such as `300ms` (unless set). */
  readonly feedEvery?: Duration | undefined;
  readonly onFault?: OnFault | undefined;
  readonly clock?: Clock | undefined;
  readonly random?: Random | undefined;
}

const PARTITIONS_MAX = 64;
/** Of the layout of the keys: another one can't be read by this version. */
const FORMAT = 1;
/** Notes kept of a partition for those who missed a push, and for how long. */
const LOG_MAX = 1_000;
const LOG_MS = DAY_MS;
/** More than are kept: Redis trims by whole blocks of a hundred. */
const ENTRIES_MAX = 2_000;
/** While a slot moves from one server to another. */
const TRY_AGAIN_MS = 25;
const NAMES = {
  prefix: 1,
  partitions: 1,
  timeout: 1,
  feedEvery: 1,
  onFault: 1,
  clock: 1,
  random: 1,
} satisfies Record<keyof RedisStoreOptions, 1>;

/**
 * Keeps everything in Redis or Valkey, for any number of processes on any number of machines. The client is
 * yours: connect it, close it.
 */
export function redisStore(client: RedisClient, options: RedisStoreOptions = {}): Store {
  checkNames(options, NAMES, 'redisStore', 'STICKY_STORE_MISUSED');
  const { prefix = 'sr', partitions = 16 } = options;
  readFunction('onFault', options.onFault, 'STICKY_STORE_MISUSED');
  if (typeof prefix !== 'string' || !/^[^{}\s]{1,64}$/.test(prefix))
    throw misused('The `prefix` of a redis store has 1 to 64 characters, without braces and blanks.');
  if (!Number.isInteger(partitions) || partitions < 1 || partitions > PARTITIONS_MAX)
    throw misused(`The \`partitions\` of a redis store are a whole number from 1 to ${PARTITIONS_MAX}.`);
  return new RedisStore(redisPort(client), { ...options, prefix, partitions });
}

class RedisStore implements Store {
  readonly name = 'redis';
  readonly partitions: number;
  readonly feed: Feed;
  readonly #port: RedisPort;
  readonly #keys: readonly PartitionKeys[];
  /** In a cluster every partition may lie on another machine. */
  readonly #clocks: readonly ServerClock[];
  readonly #clock: Clock;
  readonly #limit: TimeLimit;
  readonly #limitMs: number;
  readonly #layout: string;
  readonly #channel: string;
  /** Names this process among others, and runs of numbers that it begins. */
  readonly #id: string;
  readonly #onFault: OnFault | undefined;
  readonly #learning = new Map<ServerClock, Promise<unknown>>();
  readonly #sharedFeed: SharedFeed;
  #changes = 0;

  constructor(
    port: RedisPort,
    {
      prefix,
      partitions,
      timeout = '2s',
      feedEvery = '300ms',
      clock = systemClock,
      random = systemRandom,
      onFault,
    }: RedisStoreOptions & { prefix: string; partitions: number },
  ) {
    this.partitions = partitions;
    this.#port = port;
    this.#keys = Array.from({ length: partitions }, (_, partition) => partitionKeys(prefix, partition));
    const one = new ServerClock(clock);
    this.#clocks = this.#keys.map(() => (port.isCluster ? new ServerClock(clock) : one));
    this.#clock = clock;
    this.#limitMs = readDuration('timeout', timeout, 10, HOUR_MS, 'STICKY_STORE_MISUSED');
    this.#limit = new TimeLimit(clock, this.#limitMs, () => tooLate(this.#limitMs), redisFailure);
    this.#layout = `${FORMAT}:${partitions}`;
    this.#channel = `${prefix}:feed`;
    this.#id = random.id();
    this.#onFault = onFault;
    this.#sharedFeed = new SharedFeed(
      redisFeedSource({
        port,
        partitions,
        channel: this.#channel,
        everyMs: readDuration('feedEvery', feedEvery, 10, HOUR_MS, 'STICKY_STORE_MISUSED'),
        clock,
        onFault,
        ask: (questions) => this.#limit.run((signal) => this.#ask(questions, signal)),
      }),
      onFault,
    );
    this.feed = this.#sharedFeed;
  }

  async read(partition: number, key: string): Promise<StoredRecord | undefined> {
    checkPartition(partition, this.partitions);
    checkKey(key);
    return this.#limit.run((signal) => this.#read(partition, key, signal));
  }

  async change(partition: number, change: Change): Promise<Changed> {
    checkPartition(partition, this.partitions);
    checkChange(change);
    return this.#limit.run((signal) => this.#change(partition, change, signal));
  }

  async list(partition: number, index: string): Promise<readonly Linked[]> {
    checkPartition(partition, this.partitions);
    checkKey(index);
    return this.#limit.run((signal) => this.#list(partition, index, signal));
  }

  async sequence(partition: number): Promise<number> {
    checkPartition(partition, this.partitions);
    const { header } = this.#keys[partition]!;
    return this.#limit.run(
      async (signal) =>
        replyNumber(text(await this.#port.send(header, ['HGET', header, 'seq'], signal))) || 0,
    );
  }

  async close(): Promise<void> {
    this.#sharedFeed.stop();
    this.#limit.stop();
  }

  async #read(partition: number, key: string, signal: AbortSignal): Promise<StoredRecord | undefined> {
    const clock = this.#clocks[partition]!;
    const name = this.#keys[partition]!.record(key);
    const sent = this.#port.send(name, ['HGETALL', name], signal);
    if (!clock.isFresh) {
      sent.catch(() => {}); // it is awaited below, unless this fails first
      const learnt = this.#learn(partition, signal);
      if (clock.isKnown) learnt.catch(() => {});
      else await learnt;
    }
    let record: HashRecord | 'strange' | undefined;
    try {
      record = hashRecord(await sent);
    } catch (error) {
      if (!isWrongType(error)) throw error;
      record = 'strange';
    }
    if (record === undefined) return undefined;
    if (record === 'strange') {
      report(this.#onFault, {
        kind: 'record',
        partition,
        key,
        reason: 'Redis holds something else at the key of this record, or a part of a record.',
      });
      return undefined;
    }
    // Redis removes it, by its own clock; while it is there it lives.
    const nowMs = clock.now();
    const { fields, version, expiresAtMs, endsAtMs } = record;
    return {
      fields,
      version,
      expiresInMs: Math.max(1, expiresAtMs - nowMs),
      endsInMs: Math.max(1, endsAtMs - nowMs),
    };
  }

  async #change(partition: number, change: Change, signal: AbortSignal): Promise<Changed> {
    const clock = this.#clocks[partition]!;
    const id = `${this.#id}${(this.#changes++).toString(36)}`;
    if (!clock.isKnown) await this.#learn(partition, signal);
    const of = this.#keys[partition]!;
    const head = () => ({
      layout: this.#layout,
      run: this.#id,
      partition,
      channel: this.#channel,
      logMax: LOG_MAX,
      logMs: LOG_MS,
      notAfterMs: clock.now() + this.#limitMs,
      markMs: this.#port.resends ? this.#limitMs * 2 : undefined,
    });
    const merge = mergeCall(of, id, head(), change);
    if (merge !== undefined) {
      const { outcome, parts } = await this.#script(MERGE, partition, merge.keys, merge.tokens, signal);
      const first = replyNumber(text(parts[0]));
      if (outcome === 'done') return { done: true, version: first, removed: 0 };
      if (outcome === 'failed') return { done: false, failed: merge.indexes[first]! };
      if (signal.aborted) throw tooLate(this.#limitMs);
    }
    for (let isFirst = true; ; isFirst = false) {
      const { keys, tokens } = changeCall(of, id, head(), change);
      const { outcome, parts } = await this.#script(CHANGE, partition, keys, tokens, signal);
      const [first, second] = parts.map((part) => replyNumber(text(part)));
      if (outcome === 'done') return { done: true, version: first!, removed: second! };
      if (outcome === 'failed') return { done: false, failed: first! };
      if (outcome === 'strange') throw strangeKey();
      // The clock of the server may have been set: what it shows now has just been learnt.
      if (!isFirst || signal.aborted) throw tooLate(this.#limitMs);
    }
  }

  async #list(partition: number, index: string, signal: AbortSignal): Promise<readonly Linked[]> {
    try {
      const { nowMs, parts } = await this.#script(
        LIST,
        partition,
        [this.#keys[partition]!.index(index)],
        [],
        signal,
      );
      // Pairs in RESP3, member after score in RESP2.
      const flat = list(parts[0]).flat();
      return Array.from({ length: flat.length / 2 }, (_, at) => ({
        member: text(flat[at * 2]),
        expiresInMs: Number(text(flat[at * 2 + 1])) - nowMs,
      }));
    } catch (error) {
      if (!isWrongType(error)) throw error;
      report(this.#onFault, {
        kind: 'index',
        partition,
        key: index,
        reason: 'Redis holds something else at the key of this index.',
      });
      return [];
    }
  }

  async #ask(
    questions: readonly { readonly partition: number; readonly after: number | undefined }[],
    signal: AbortSignal,
  ): Promise<readonly FeedReply[]> {
    const keys = questions.flatMap(({ partition }) => [
      this.#keys[partition]!.header,
      this.#keys[partition]!.log,
    ]);
    const tokens = [
      this.#layout,
      this.#id,
      `${ENTRIES_MAX}`,
      ...questions.map(({ after }) => (after === undefined ? '' : `${after}`)),
    ];
    const { parts } = await this.#script(ASK, questions[0]!.partition, keys, tokens, signal);
    const life = text(parts[0]);
    return list(parts[1]).map((answer, at) => {
      const [run, sequence, lastNoted, entries] = list(answer);
      return {
        run: text(run),
        life,
        sequence: Number(text(sequence)),
        lastNoted: Number(text(lastNoted)),
        noted: this.#noted(questions[at]!.partition, list(entries)),
      };
    });
  }

  /**
   * Entries of the log: id, the number of the noted change before, notes. One that can't be read leaves a
   * gap, which the follower sees.
   */
  #noted(partition: number, entries: readonly unknown[]): FeedReply['noted'] {
    return Array.from({ length: Math.floor(entries.length / 3) }, (_, at) => {
      const [id, previous, notes] = entries.slice(at * 3, at * 3 + 3).map(text);
      return readPushedNote(id!.replace(/-0$/, ''), previous!, notes!);
    }).filter((entry) => {
      if (entry === undefined)
        report(this.#onFault, {
          kind: 'note',
          partition,
          key: undefined,
          reason: "An entry of the log can't be read.",
        });
      return entry !== undefined;
    });
  }

  /** Finds out what the clock of a partition's server shows; once, however many want to know. */
  #learn(partition: number, signal: AbortSignal): Promise<unknown> {
    const clock = this.#clocks[partition]!;
    let learning = this.#learning.get(clock);
    if (learning === undefined) {
      learning = this.#ask([{ partition, after: undefined }], signal).finally(() =>
        this.#learning.delete(clock),
      );
      this.#learning.set(clock, learning);
    }
    return learning;
  }

  /** Redis knows a script by its hash until it restarts or is told to forget; then it is sent whole. */
  async #script(
    { text: source, sha }: Script,
    partition: number,
    keys: readonly string[],
    tokens: readonly string[],
    signal: AbortSignal,
  ): Promise<ScriptReply> {
    const clock = this.#clocks[partition]!;
    const askedAtMs = this.#clock.monotonic();
    const send = async (name: string, script: string): Promise<unknown> => {
      for (;;) {
        try {
          return await this.#port.send(
            keys[0]!,
            [name, script, `${keys.length}`, ...keys, ...tokens],
            signal,
          );
        } catch (error) {
          if (!isTryAgain(error) || signal.aborted) throw error;
          await new Promise<void>((resolve) => this.#clock.after(TRY_AGAIN_MS, resolve));
        }
      }
    };
    const reply = scriptReply(
      await send('EVALSHA', sha).catch((error: unknown) => {
        if (!isNoScript(error)) throw error;
        return send('EVAL', source);
      }),
    );
    if (Number.isNaN(reply.nowMs)) throw new Error('Redis gave a reply that no script of this store gives.');
    clock.learn(reply.nowMs, askedAtMs);
    if (reply.outcome === 'layout') throw otherLayout(this.#layout, text(reply.parts[0]));
    return reply;
  }
}

function misused(message: string): StickyError {
  return new StickyError('STICKY_STORE_MISUSED', message);
}
