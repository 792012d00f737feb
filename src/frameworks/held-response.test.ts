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
      return () => void response.appendHeader('x-finished', name);
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

test.each([true, false])(
  'middleware that comes later and writes through it sees every piece (quiet: %s)',
  async (isQuiet) => {
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
  },
);

test.each<[string, (response: ServerResponse) => void]>([
  ['a piece that is neither text nor bytes', (response) => void response.end(7 as unknown as string)],
  ['a status that is none', (response) => void response.writeHead(99).end('a')],
  ['a reason with a line end', (response) => void response.writeHead(200, 'a\r\nb').end('a')],
])('%s is answered 500, and ends no process', async (_, work) => {
  const told: unknown[] = [];
  const answer = await answerOf((_request, response) => {
    holdResponse(response, {
      ...before(response, 'held'),
      fail: (error) => (told.push(error), { status: 500, text: 'failed' }),
    });
    response.setHeader('content-length', '1');
    work(response);
  });
  expect([answer.status, await answer.text()]).toEqual([500, 'failed\n']);
  expect(told).toHaveLength(1);
});

test('a second answer does not change the headers and the status of one that is held', async () => {
  const thrown: unknown[] = [];
  const answer = await answerOf((_request, response) => {
    holdResponse(response, before(response, 'held'));
    response.writeHead(201, { 'content-length': '5' });
    response.writeHead(201); // once more the same: middleware that can't see that it was done
    response.end('first');
    response.statusCode = 500;
    for (const again of [
      () => response.setHeader('content-length', '6'),
      () => response.removeHeader('content-length'),
      () => response.writeHead(500),
    ]) {
      try {
        again();
      } catch (error) {
        thrown.push((error as { code?: unknown }).code);
      }
    }
    response.end('second');
  });
  expect([answer.status, await answer.text()]).toEqual([201, 'first']);
  expect(answer.headers.get('x-finished')).toBe('held');
  expect(thrown).toEqual(['ERR_HTTP_HEADERS_SENT', 'ERR_HTTP_HEADERS_SENT', 'ERR_HTTP_HEADERS_SENT']);
});

test('a response that has ended stands, whatever fails behind it', async () => {
  const answer = await answerOf((_request, response) => {
    const answerInstead = holdResponse(response, before(response, 'held'));
    response.end('whole');
    answerInstead({ status: 500, text: 'failed' });
  });
  expect([answer.status, await answer.text()]).toEqual([200, 'whole']);
});
