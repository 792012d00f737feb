import type { RequestLine } from '../route/facts.js';
import { editFacts } from './edit-text.js';
import { editRequest } from './edits.js';
import { fieldLine } from './field-line.js';
import { withLessTime } from './grpc-timeout.js';
import type { RequestRecord } from './request-record.js';
import type { Try } from './try.js';

/** A request's own field lines as this upstream gets them. */
export function sentLines(
  { route, decision, authority }: Try,
  request: RequestRecord,
  line: RequestLine,
  elapsedMs: number,
): string {
  const { forwardLines, requestEdits } = route;
  const { head } = request;
  let lines = head.fields;
  if (forwardLines !== undefined) lines = forwardLines(lines, decision.pool);
  if (head.isGrpc) lines = withLessTime(lines, elapsedMs);
  if (requestEdits !== undefined)
    lines = editRequest(requestEdits, head, lines, authority, editFacts(request, line));
  return lines;
}

/** The gateway's own, behind those that say where the request came from. */
export function addedLines({ decision: { from } }: Try, { requestId }: RequestRecord): string {
  const id = fieldLine('X-Request-Id', requestId);
  // Whose the user was, so that the upstream can fetch what it should know of it.
  return from === undefined ? id : id + fieldLine('X-Affinity-Moved', from);
}
