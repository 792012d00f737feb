import type { Refusal } from '../sides.js';
import { reasonPhrase } from './reason.js';
import { statusLine } from './start-line.js';

/** The gateway's own answer as HTTP/1.1 has it. `connection` is a field line, or empty. */
export function refusalText(refusal: Refusal, connection: string, hasBody: boolean): string {
  const { status, code, fields } = refusal;
  const reason = reasonPhrase(status);
  const body = `${status} ${reason}: ${code}\n`;
  return `${statusLine({ status, reason })}Content-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n${fields}${connection}\r\n${hasBody ? body : ''}`;
}
