import { once } from 'node:events';
import type { ServerResponse } from 'node:http';
import { atTurnEnd } from '../../base/clock.js';
import type { MonitorAnswer } from './monitor-answer.js';

/** Sends an answer piece by piece, as fast as its reader takes it, with turns for others in between. */
export async function sendMonitorAnswer(
  response: ServerResponse,
  { status, contentType, body }: MonitorAnswer,
  isHead: boolean,
): Promise<void> {
  response.writeHead(status, { 'content-type': contentType, 'cache-control': 'no-store' });
  if (!isHead)
    for (const piece of body) {
      if (response.destroyed) return;
      if (!response.write(piece)) await Promise.race([once(response, 'drain'), once(response, 'close')]);
      else await new Promise<void>(atTurnEnd);
    }
  response.end();
}
