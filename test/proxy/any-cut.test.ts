import { describe, expect, it } from 'vitest';
import { cutsOf, pieces, shownCut } from '../support/cuts.js';
import { MessageReader, namedFraming } from '../support/http-message.js';
import { MemoryGateway, type Answer, type Conversation } from './memory-gateway.js';
import {
  BAD_CHUNKS,
  GOOD_ANSWERS,
  GOOD_REQUESTS,
  ODD_ANSWERS,
  ODD_FIELDS,
  ODD_FRAMING,
  ODD_HOSTS,
  ODD_LINES,
  get,
  post,
} from './odd-messages.js';

/**
 * Nothing may depend on where the network cuts a message: each of these runs with every cut that there is.
 */
const memory = await MemoryGateway.start();
const NEXT = 'GET /next HTTP/1.1\r\nHost: a\r\n\r\n';

const GOOD: readonly (readonly [string, string])[] = [
  ...GOOD_REQUESTS.map(([name, bytes]) => [name, bytes] as const),
  ['HTTP/1.0', 'GET /a HTTP/1.0\r\nConnection: keep-alive\r\n\r\n'],
  ['HEAD', 'HEAD /a HTTP/1.1\r\nHost: a\r\n\r\n'],
  [
    'an extension that reads like a size',
    post('Transfer-Encoding: chunked\r\n', '5;5_0\r\nhello\r\n0;0\r\nX-Sum: 1\r\n\r\n'),
  ],
  ['a length behind tabs', post('Content-Length:\t5\t\r\n', 'hello')],
  ['fields between neighbours', get('Connection: x-one, close\r\nX-One: 1\r\nX-Two: 2\r\nTE: trailers\r\n')],
  ['an upgrade to h2c', get('Connection: Upgrade\r\nUpgrade: h2c\r\n')],
  ['a body that looks like a request', post(`Content-Length: ${NEXT.length}\r\n`, NEXT)],
];

async function everyCut(
  text: string,
  check: (cut: string, conversation: Conversation) => void,
): Promise<void> {
  // What stands behind comes with the last read, or by itself.
  for (const cuts of cutsOf(text.length))
    check(shownCut(text, cuts), await memory.converse(pieces(text, cuts)));
}

describe('a request, in whatever pieces it comes', () => {
  it.each(GOOD)('goes on as the same bytes: %s', async (_name, bytes) => {
    for (const text of [bytes, bytes + NEXT]) {
      const whole = await memory.converse([text]);
      expect(whole.requests.length).toBeGreaterThan(0);
      expect(whole.faults).toEqual([]);
      await everyCut(text, (cut, conversation) =>
        expect({ cut, ...conversation }).toEqual({ cut, ...whole }),
      );
    }
  });

  it.each([
    ...ODD_FRAMING,
    ...ODD_FIELDS,
    ...ODD_LINES,
    ...ODD_HOSTS,
    ...BAD_CHUNKS.map(([name, body]) => [name, post('Transfer-Encoding: chunked\r\n', body)] as const),
  ])('is refused for the same reason, and no request of it arrives: %s', async (_name, bytes) => {
    const text = bytes + NEXT;
    const whole = await memory.converse([text]);
    expect(whole.client).toMatch(/^HTTP\/1\.1 [45]/);
    await everyCut(text, (cut, { requests, faults, client, ending }) =>
      expect({ cut, requests, faults, client, ending }).toEqual({
        cut,
        requests: [],
        faults: [],
        client: whole.client,
        ending: 'end',
      }),
    );
  });
});

describe('an answer, in whatever pieces it comes', () => {
  const asked = (method = 'GET'): string => `${method} /a HTTP/1.1\r\nHost: a\r\n\r\n`;

  it.each(
    GOOD_ANSWERS.map(
      ([name, bytes, method = 'GET', closes = false]) => [name, bytes, method, closes] as const,
    ),
  )('reaches the client as the same bytes: %s', async (_name, text, method, closes) => {
    // In the framing of chunks there are as many as there were reads.
    const plain = (client: string): string => (closes ? dechunked(client) : client);
    const whole = await memory.converse([asked(method)], { pieces: [text], closes });
    expect(whole.client).toMatch(/^HTTP\/1\.1 \d/);
    for (const cuts of cutsOf(text.length)) {
      const answer: Answer = { pieces: pieces(text, cuts), closes };
      const cut = shownCut(text, cuts);
      const { client } = await memory.converse([asked(method)], answer);
      expect([cut, plain(client)]).toEqual([cut, plain(whole.client)]);
    }
  });

  it.each(ODD_ANSWERS)(
    'is refused for the same reason, which the log tells: %s',
    async (_name, text, fault) => {
      for (const cuts of cutsOf(text.length)) {
        const cut = shownCut(text, cuts);
        const { client } = await memory.converse([asked('POST')], { pieces: pieces(text, cuts) });
        expect([cut, client]).toEqual([cut, expect.stringContaining(`502 Bad Gateway: upstream-${fault}`)]);
        expect(memory.gateway.log.at(-1)).toMatchObject({ status: 502, fault });
      }
    },
  );

  it.each(BAD_CHUNKS)('never looks whole when a chunk is bad: %s', async (_name, body) => {
    const text = `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${body}`;
    for (const cuts of cutsOf(text.length)) {
      const { client } = await memory.converse([asked('POST')], { pieces: pieces(text, cuts) });
      expect([shownCut(text, cuts), answers(client)]).toEqual([shownCut(text, cuts), 0]);
    }
  });
});

/** How many answers are whole, apart from the gateway's own. */
function answers(client: string): number {
  let whole = 0;
  const reader = new MessageReader({
    head: ({ fields, startLine }) => {
      if (startLine.includes(' 502 ')) whole--;
      return namedFraming(fields) ?? { kind: 'none' };
    },
    body() {},
    end: () => void whole++,
  });
  reader.push(Buffer.from(client, 'latin1'));
  return whole;
}

function dechunked(client: string): string {
  let text = '';
  const reader = new MessageReader({
    head: ({ bytes, fields }) => {
      text += bytes;
      return namedFraming(fields) ?? { kind: 'close' };
    },
    body: (bytes) => void (text += bytes.toString('latin1')),
    end: () => void (text += '(end)'),
  });
  reader.push(Buffer.from(client, 'latin1'));
  return text;
}
