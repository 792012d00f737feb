import { reasonPhrase } from './http1/reason.js';

/** The gateway's own answer. `connection` and `fields` are field lines. */
export function refusal(
  status: number,
  code: string,
  fields: string,
  connection: string,
  hasBody: boolean,
): string {
  const line = `${status} ${reasonPhrase(status)}`;
  const body = `${line}: ${code}\n`;
  return `HTTP/1.1 ${line}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: ${body.length}\r\nCache-Control: no-store\r\n${fields}${connection}\r\n${hasBody ? body : ''}`;
}
