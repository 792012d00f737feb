import type { IncomingMessage } from 'node:http';
import type { z } from 'zod';
import { sentence } from '../config/messages.js';
import { AdminRefused } from './admin-refusal.js';

const BODY_BYTES_MAX = 64 * 1024;
const PROBLEMS_SHOWN_MAX = 5;

/** The body of a request, checked. Throws AdminRefused. An empty one counts as `{}`. */
export async function readJsonBody<T>(request: IncomingMessage, schema: z.ZodType<T>): Promise<T> {
  // A form of another site can send text/plain and two more types. Any other needs leave (CORS).
  if (!/^application\/json *(?:; *charset="?utf-8"?)?$/i.test(request.headers['content-type'] ?? ''))
    throw new AdminRefused(415, 'The body must be JSON. Send Content-Type: application/json.');
  if (request.headers['content-encoding'] !== undefined)
    throw new AdminRefused(415, 'The body is compressed. Send it as it is.');
  const text = await bodyText(request);
  let value: unknown;
  try {
    value = text.trim() === '' ? {} : JSON.parse(text);
  } catch {
    throw new AdminRefused(400, 'The body is not JSON.');
  }
  const read = schema.safeParse(value, { error: sentence });
  if (read.success) return read.data;
  const problems = read.error.issues
    .slice(0, PROBLEMS_SHOWN_MAX)
    .map(({ path, message }) => `${path.length === 0 ? 'the body' : path.join('.')}: ${message}`);
  throw new AdminRefused(400, `The body is not what is wanted here. ${problems.join('. ')}`);
}

async function bodyText(request: IncomingMessage): Promise<string> {
  const tooLarge = new AdminRefused(413, `The body is larger than ${BODY_BYTES_MAX} bytes.`);
  if (Number(request.headers['content-length'] ?? 0) > BODY_BYTES_MAX) throw tooLarge;
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of request as AsyncIterable<Buffer>) {
      bytes += piece.length;
      if (bytes > BODY_BYTES_MAX) throw tooLarge;
      pieces.push(piece);
    }
  } catch (error) {
    if (error === tooLarge) throw error;
    throw new AdminRefused(400, 'The body was cut off.');
  }
  try {
    return new TextDecoder('utf-8', { fatal: true }).decode(Buffer.concat(pieces));
  } catch {
    throw new AdminRefused(400, 'The body is not UTF-8.');
  }
}
