import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { holdResponse, type BeforeHeaders } from './held-response.js';

let close = (): void => {};
afterEach(() => close());

async function answerOf(listener: RequestListener): Promise<Response> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  close = () => {
    server.close();
    server.closeAllConnections();
  };
  return fetch(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
}

function before(response: ServerResponse, name: string, isQuiet = false): BeforeHeaders {
  return {
    isQuiet,
    async finish() {
      await new Promise((resolve) => setImmediate(resolve));
      response.appendHeader('x-finished', name);
    },
    fail: () => ({ status: 500, text: 'failed' }),
  };
}

test('holds of two kinds of session on one response are both waited for', async () => {
  const answer = await answerOf((_request, response) => {
    holdResponse(response, before(response, 'inner'));
    holdResponse(response, before(response, 'outer'));
    response.write('a');
    response.end('b');
  });
  expect(answer.headers.get('x-finished')).toBe('outer, inner');
  expect(await answer.text()).toBe('ab');
});

test.each([true, false])('middleware that comes later and writes through it sees every piece (quiet: %s)', async (isQuiet) => {
  const answer = await answerOf(async (_request, response) => {
    holdResponse(response, before(response, 'held', isQuiet));
    const { write, end } = response;
    Object.assign(response, {
      write: (text: string) => write.call(response, text.toUpperCase(), 'utf8'),
      end: (text: string) => end.call(response, text.toUpperCase(), 'utf8'),
    });
    response.write('a');
    for (let turn = 0; turn < 5; turn++) await new Promise((resolve) => setImmediate(resolve));
    response.write('b');
    response.end('c');
  });
  expect(await answer.text()).toBe('ABC');
});
