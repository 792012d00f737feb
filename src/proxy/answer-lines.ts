import type { Decision } from '../route/router.js';
import { exposedFields } from './exposed.js';
import { fieldLine } from './field-line.js';
import type { RequestRecord } from './request-record.js';
import type { ServedRoute } from './served-route.js';
import { keptFromSharedCaches } from './http1/shared-answers.js';
import type { AnswerHead } from './sides.js';
import type { Site } from './site.js';

/**
 * The field lines that the gateway adds to an answer. The head's own change where a cookie of ours must keep
 * the answer out of shared caches.
 */
export function answerLines(
  head: AnswerHead,
  decision: Decision | undefined,
  route: ServedRoute | undefined,
  site: Site,
): string {
  let added = head.hasDate ? '' : site.date.line;
  if (decision !== undefined) {
    if (head.handsOver) decision.handOver();
    for (const cookie of decision.writes(head)) added += fieldLine('Set-Cookie', cookie);
    if (decision.keepsFromShared) head.fields = keptFromSharedCaches(head.fields);
  }
  return site.settings.expose ? added + exposedFields(decision, route) : added;
}

/** The field lines of an answer that is the gateway's own. */
export function ownLines({ decision, route, requestId }: RequestRecord, { settings, date }: Site): string {
  const exposed = settings.expose && route?.pool !== undefined ? exposedFields(decision, route) : '';
  return date.line + exposed + fieldLine('X-Request-Id', requestId);
}
