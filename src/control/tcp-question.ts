import { connect } from 'node:net';
import { causeOf } from '../base/cause.js';
import type { Clock } from '../base/clock.js';
import { isLocalError } from '../base/local-error.js';
import { WELL, type Verdict } from './upstream-question.js';

/** Whether a TCP connection to a URL's host and port is made in time. Nothing is sent. */
export function askByTcp(url: string, timeMs: number, clock: Clock): Promise<Verdict> {
  const { hostname, port, protocol } = new URL(url);
  const host = hostname.startsWith('[') ? hostname.slice(1, -1) : hostname;
  return new Promise((resolve) => {
    const socket = connect({ host, port: port === '' ? (protocol === 'https:' ? 443 : 80) : Number(port) });
    const done = (verdict: Verdict): void => {
      limit.stop();
      resolve(verdict);
      socket.destroy();
    };
    const limit = clock.after(timeMs, () => done({ kind: 'failed', cause: 'timeout' }));
    socket.on('connect', () => done(WELL));
    socket.on('error', (error) =>
      done(isLocalError(error) ? { kind: 'unasked' } : { kind: 'failed', cause: causeOf(error) ?? 'error' }),
    );
  });
}
