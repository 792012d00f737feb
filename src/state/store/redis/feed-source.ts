import type { Clock } from '../../../base/clock.js';
import { report, type OnFault } from '../fault.js';
import type { FeedReply, FeedFollower } from '../feed-follower.js';
import type { FeedSource } from '../shared-feed.js';
import type { RedisPort, Unsubscribe } from './client.js';
import { isCrossSlot } from './failure.js';
import { readPushedNote } from './reply.js';

const SUBSCRIBE_AGAIN_MS = 1_000;

export interface FeedSourceOptions {
  readonly port: RedisPort;
  readonly partitions: number;
  readonly channel: string;
  readonly everyMs: number;
  readonly clock: Clock;
  readonly onFault: OnFault | undefined;
  /** Asks partitions how far they are; with an answer for each, in order. */
  ask(
    questions: readonly { readonly partition: number; readonly after: number | undefined }[],
  ): Promise<readonly FeedReply[]>;
}

/**
 * Notes are pushed by PUBLISH, and asked for again on a beat: whatever becomes of a push, the next answer has
 * it.
 */
export function redisFeedSource({
  port,
  partitions,
  channel,
  everyMs,
  clock,
  onFault,
  ask,
}: FeedSourceOptions): FeedSource {
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  // What may be asked for in one command. Kept from one follower to the next.
  let groups = port.isCluster ? all.map((partition) => [partition]) : [all];

  return {
    start(follower) {
      const busy = new Set<readonly number[]>();
      let isRunning = true;

      const askGroup = async (group: readonly number[]): Promise<void> => {
        if (busy.has(group)) return;
        busy.add(group);
        const askedAtMs = clock.monotonic();
        const questions = group.map((partition) => follower.question(partition, askedAtMs));
        try {
          const answers = await ask(questions);
          if (isRunning) questions.forEach((question, at) => follower.answered(question, answers[at]!));
        } catch (error) {
          // A follower that gets no answers sees how old its last one is. There is nobody else to tell.
          if (group.length > 1 && isCrossSlot(error instanceof Error ? error.cause : undefined))
            groups = all.map((partition) => [partition]);
        } finally {
          busy.delete(group);
        }
      };
      const beat = (): void => {
        for (const group of groups) void askGroup(group);
      };

      const subscription = subscribe(
        port,
        channel,
        (message) => push(follower, partitions, message),
        clock,
        onFault,
      );
      const timer = clock.every(everyMs, beat);
      beat();
      return {
        stop() {
          isRunning = false;
          timer.stop();
          subscription.stop();
        },
      };
    },
  };
}

/**
 * `partition run sequence previous notes`. Anybody may publish: what isn't of this form, or of this run, is
 * passed over.
 */
function push(follower: FeedFollower, partitions: number, message: string): void {
  const parts = /^(\d{1,2}) ([^ ]{1,64}) (\d{1,16}) (\d{1,16}) ([^]*)$/.exec(message);
  if (parts === null) return;
  const partition = Number(parts[1]);
  const told = readPushedNote(parts[3]!, parts[4]!, parts[5]!);
  if (told !== undefined && partition < partitions) follower.push(partition, parts[2]!, told);
}

/** Clients mend their connections themselves; where one gives up, this begins anew. */
function subscribe(
  port: RedisPort,
  channel: string,
  heard: (message: string) => void,
  clock: Clock,
  onFault: OnFault | undefined,
): { stop(): void } {
  let isWanted = true;
  let end: Unsubscribe | undefined;
  const begin = (): void => {
    if (!isWanted) return;
    try {
      end = port.subscribe(channel, (message) => isWanted && heard(message), again);
    } catch (cause) {
      again(cause);
    }
  };
  const again = (cause: unknown): void => {
    if (!isWanted) return;
    report(onFault, {
      kind: 'subscription',
      partition: undefined,
      key: undefined,
      reason: 'The subscription to the feed ended. Notes come with the beat until it is back.',
      cause,
    });
    clock.after(SUBSCRIBE_AGAIN_MS, begin);
  };
  begin();
  return {
    stop() {
      isWanted = false;
      end?.();
    },
  };
}
