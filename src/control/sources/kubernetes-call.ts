import http from 'node:http';
import https from 'node:https';
import { causeOf } from '../../base/cause.js';
import type { Clock, Timer } from '../../base/clock.js';
import { durationText } from '../config/values.js';
import type { KubernetesAccess } from './kubernetes-access.js';
import { KubernetesFailure, statusFailure } from './kubernetes-failure.js';

/** A slice of a thousand endpoints has some 400 KiB. */
const LINE_BYTES_MAX = 8 * 1024 * 1024;
/** From the call to the head of the answer, and between two pieces of a list. */
const ANSWER_MS = 10_000;

export interface CallLimits {
  /** How long nothing may come once the answer has begun. */
  readonly silenceMs: number;
  /** Of all of the answer; undefined: of a line. */
  readonly bytesMax?: number;
}

/** One GET at the API server, its answer taken line by line. */
export class KubernetesCall implements Timer {
  readonly #clock: Clock;
  #request: http.ClientRequest | undefined;
  #isStopped = false;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** Resolves at the end of the answer; rejects with a KubernetesFailure. `onLines` is given whole lines. */
  run(
    { server, ca, token, namespace }: KubernetesAccess,
    path: string,
    limits: CallLimits,
    onLines: (lines: readonly string[]) => void,
  ): Promise<void> {
    return new Promise((resolve, reject) => {
      const fail = (failure: KubernetesFailure): void => {
        limit.stop();
        reject(failure);
        request.destroy();
      };
      const silent = (ms: number): void =>
        fail(new KubernetesFailure(`the API server said nothing for ${durationText(ms)}.`));
      let limit = this.#clock.after(ANSWER_MS, () => silent(ANSWER_MS));
      const request = (server.startsWith('https:') ? https : http).get(
        `${server}${path}`,
        {
          agent: false,
          headers: {
            accept: 'application/json',
            'user-agent': 'stickyroute',
            ...(token !== undefined && { authorization: `Bearer ${token}` }),
          },
          ...(ca !== undefined && { ca }),
        },
        (answer) => {
          if (answer.statusCode !== 200) return fail(statusFailure(answer.statusCode ?? 0, namespace));
          let held: Buffer[] = [];
          let heldBytes = 0;
          const listen = (): void => {
            limit.stop();
            limit = this.#clock.after(limits.silenceMs, () => silent(limits.silenceMs));
          };
          listen();
          answer.on('data', (bytes: Buffer) => {
            if (this.#isStopped) return;
            listen();
            heldBytes += bytes.length;
            held.push(bytes);
            if (heldBytes > (limits.bytesMax ?? LINE_BYTES_MAX))
              return fail(new KubernetesFailure('the API server said more than can be kept.'));
            const end = bytes.lastIndexOf(0x0a);
            if (end === -1 || limits.bytesMax !== undefined) return;
            const whole = Buffer.concat(held);
            const cut = whole.length - bytes.length + end;
            held = [whole.subarray(cut + 1)];
            heldBytes = held[0]!.length;
            take(whole.toString('utf8', 0, cut).split('\n'));
          });
          answer.on('end', () => {
            limit.stop();
            // A last line without its end was cut; a list has none.
            if (limits.bytesMax !== undefined) take([Buffer.concat(held).toString('utf8')]);
            resolve();
          });
          answer.on('error', (error) => fail(broken(error)));
        },
      );
      const take = (lines: readonly string[]): void => {
        try {
          onLines(lines);
        } catch (error) {
          if (!(error instanceof KubernetesFailure)) throw error;
          fail(error);
        }
      };
      this.#request = request;
      request.on('socket', (socket) => socket.setKeepAlive(true, 30_000));
      request.on('error', (error) => fail(broken(error)));
      request.on('close', () => {
        limit.stop();
        reject(new KubernetesFailure('the API server closed the connection.'));
      });
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#request?.destroy();
  }
}

function broken(error: Error): KubernetesFailure {
  return new KubernetesFailure(`the API server can't be reached (${causeOf(error) ?? 'no reason given'}).`);
}
