import type { Refusal } from '../sides.js';
import { refusalContent } from '../own-answer.js';
import { reasonPhrase } from './reason.js';
import { isBodiless } from './response-head.js';
import { statusLine } from './start-line.js';

/** The gateway's own answer as HTTP/1.1 has it. `connection` is a field line, or empty. */
export function refusalText(refusal: Refusal, connection: string, hasBody: boolean): string {
  const { status, code, fields } = refusal;
  const reason = reasonPhrase(status);
  const { type, bytes: body } = refusal.content ?? refusalContent(status, code);
  // RFC 9110 §8.6: no length where there is never a body.
  const framing = isBodiless(status) ? '' : `Content-Type: ${type}\r\nContent-Length: ${body.length}\r\n`;
  return `${statusLine({ status, reason })}${framing}Cache-Control: no-store\r\n${fields}${connection}\r\n${hasBody && framing !== '' ? body : ''}`;
}
