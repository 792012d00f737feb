import { connect } from 'node:net';

/** What the answer to each request says behind `field`, in order; empty where an answer has no such field. */
export type Answers = readonly string[];

const DEADLINE_MS = 20_000;

/** Requests under way at once. HAProxy 2.6 refuses one that its buffer of 16 KiB cuts off behind others. */
const BATCH = 16;

/**
 * Sends many requests on one connection, a batch at a time, and reads one field of each answer: the quickest
 * way to ask another program thousands of times. Answers must have a Content-Length.
 */
export function askPipelined(
  port: number,
  field: string,
  requests: readonly string[],
  localAddress?: string,
): Promise<Answers> {
  return new Promise((resolve, reject) => {
    const answers: string[] = [];
    let rest = '';
    const socket = connect({ port, host: '127.0.0.1', ...(localAddress !== undefined && { localAddress }) });
    const fail = (why: string): void => {
      socket.destroy();
      reject(
        new Error(
          `${why} after ${answers.length} of ${requests.length} answers; the rest begins ${JSON.stringify(rest.slice(0, 300))}`,
        ),
      );
    };
    socket.setEncoding('latin1');
    socket.setTimeout(DEADLINE_MS, () => fail(`Nothing came for ${DEADLINE_MS} ms`));
    socket.once('error', (error) => fail(error.message));
    socket.once('close', () => fail('The connection was closed'));
    socket.on('data', (text: string) => {
      rest += text;
      for (let end = rest.indexOf('\r\n\r\n'); end !== -1; end = rest.indexOf('\r\n\r\n')) {
        const head = rest.slice(0, end + 2);
        const length = Number(valueOf(head, 'content-length') ?? NaN);
        if (Number.isNaN(length)) return fail('An answer has no Content-Length');
        if (rest.length < end + 4 + length) return;
        rest = rest.slice(end + 4 + length);
        answers.push(valueOf(head, field) ?? '');
      }
      if (answers.length === sent && sent < requests.length) send();
      if (answers.length < requests.length) return;
      socket.removeAllListeners('close');
      socket.destroy();
      resolve(answers);
    });
    let sent = 0;
    send();

    function send(): void {
      socket.write(requests.slice(sent, sent + BATCH).join(''), 'latin1');
      sent = Math.min(sent + BATCH, requests.length);
    }
  });
}

function valueOf(head: string, field: string): string | undefined {
  return new RegExp(`\r\n${field}: *([^\r\n]*)\r\n`, 'i').exec(head)?.[1];
}
