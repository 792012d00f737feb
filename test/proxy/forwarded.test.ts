import { describe, expect, it } from 'vitest';
import { request, type RequestOptions, type ConnectOptions } from '../support/raw-client.js';
import { startUpstream, type SeenRequest } from '../support/upstream.js';
import { startTestGateway } from './gateway.js';

const upstream = await startUpstream();
const plain = await startTestGateway([upstream]);
/** 127.0.0.1 and .2 are proxies of ours, .9 is a stranger. */
const behind = await startTestGateway([upstream], { trustedProxies: ['127.0.0.0/29', '10.0.0.0/8'] });

async function seen(port: number, options: RequestOptions & ConnectOptions): Promise<SeenRequest> {
  await request(port, options);
  return upstream.seen.at(-1)!;
}

/** For, proto, host, real IP and Forwarded as the upstream got them. */
function told(request: SeenRequest): (readonly string[])[] {
  return ['x-forwarded-for', 'x-forwarded-proto', 'x-forwarded-host', 'x-real-ip', 'forwarded'].map((name) =>
    request.headers(name),
  );
}

const CLAIMS = {
  'X-Forwarded-For': '1.2.3.4',
  'X-Forwarded-Proto': 'https',
  'X-Forwarded-Host': 'evil.example',
  'X-Real-IP': '1.2.3.4',
  Forwarded: 'for=1.2.3.4;proto=https',
};

describe('a client that is no trusted proxy', () => {
  it('is told to the upstream as its peer address, and the host as it asked', async () => {
    const request = await seen(plain.port, {
      localAddress: '127.0.0.5',
      headers: { Host: 'shop.example:8080' },
    });
    expect(told(request)).toEqual([['127.0.0.5'], ['http'], ['shop.example:8080'], ['127.0.0.5'], []]);
    expect(request.header('host')).toBe('shop.example:8080');
  });

  it('attack: claims another address, scheme and host', async () => {
    expect(told(await seen(plain.port, { headers: CLAIMS }))).toEqual([
      ['127.0.0.1'],
      ['http'],
      ['test.example'],
      ['127.0.0.1'],
      [],
    ]);
    expect(told(await seen(behind.port, { localAddress: '127.0.0.9', headers: CLAIMS }))).toEqual([
      ['127.0.0.9'],
      ['http'],
      ['test.example'],
      ['127.0.0.9'],
      [],
    ]);
  });

  it('attack: claims them under names that CGI reads alike', async () => {
    const request = await seen(plain.port, {
      headers: {
        X_Forwarded_For: '1.2.3.4',
        'X-Real_IP': '1.2.3.4',
        X_REQUEST_ID: 'a',
        x_forwarded_proto: 'https',
      },
    });
    expect(request.fields.filter(([name]) => name.includes('_'))).toEqual([]);
  });
});

describe('a trusted proxy', () => {
  it('is believed, and added to the chain', async () => {
    const request = await seen(behind.port, {
      localAddress: '127.0.0.2',
      headers: {
        'X-Forwarded-For': '9.9.9.9, 203.0.113.7, 10.1.1.1',
        'X-Forwarded-Proto': 'https',
        'X-Forwarded-Host': 'shop.example',
        Forwarded: 'for=203.0.113.7',
      },
    });
    expect(told(request)).toEqual([
      ['9.9.9.9, 203.0.113.7, 10.1.1.1, 127.0.0.2'],
      ['https'],
      ['shop.example'],
      ['203.0.113.7'],
      ['for=203.0.113.7, for=127.0.0.2'],
    ]);
  });

  it('several fields are one list, and the client is the first stranger from the right', async () => {
    const request = await seen(behind.port, {
      headers: [
        ['X-Forwarded-For', '1.1.1.1'],
        ['x-forwarded-for', '2001:db8::1'],
        ['X-Forwarded-For', '10.2.2.2'],
      ],
    });
    expect(told(request).slice(0, 4)).toEqual([
      ['1.1.1.1, 2001:db8::1, 10.2.2.2, 127.0.0.1'],
      ['http'],
      ['test.example'],
      ['2001:db8::1'],
    ]);
  });

  it('that says nothing is the client itself', async () => {
    expect(told(await seen(behind.port, {}))).toEqual([
      ['127.0.0.1'],
      ['http'],
      ['test.example'],
      ['127.0.0.1'],
      [],
    ]);
  });

  it('a list of schemes is read from its first entry, which speaks of the client', async () => {
    const request = await seen(behind.port, {
      headers: { 'X-Forwarded-For': '203.0.113.7', 'X-Forwarded-Proto': 'https, http' },
    });
    expect(request.header('x-forwarded-proto')).toBe('https');
  });

  it('that says nonsense is believed no further than the nonsense', async () => {
    const request = await seen(behind.port, {
      headers: { 'X-Forwarded-For': '203.0.113.7, unknown, 10.0.0.1', 'X-Forwarded-Proto': 'gopher' },
    });
    expect(told(request).slice(1, 4)).toEqual([['http'], ['test.example'], ['10.0.0.1']]);
  });

  it('the address that it names is the one that rules and the log go by', async () => {
    await request(behind.port, { headers: { 'X-Forwarded-For': '203.0.113.7' } });
    expect(behind.log.at(-1)).toMatchObject({ client: '203.0.113.7' });
  });
});

describe('X-Request-Id', () => {
  it('is made where there is none, and different each time', async () => {
    const [first, second] = [await seen(plain.port, {}), await seen(plain.port, {})];
    expect(first.header('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(second.header('x-request-id')).not.toBe(first.header('x-request-id'));
  });

  it('is passed on where it looks like one, and stands in the log', async () => {
    const request = await seen(plain.port, { headers: { 'X-Request-Id': 'Trace-1.2:3/a+b=c_d' } });
    expect(request.headers('x-request-id')).toEqual(['Trace-1.2:3/a+b=c_d']);
    expect(plain.log.at(-1)).toMatchObject({ requestId: 'Trace-1.2:3/a+b=c_d' });
  });

  it.each([
    ['a space', 'a b'],
    ['markup', '<script>'],
    ['nothing', ''],
    ['too much', 'a'.repeat(129)],
    ['bytes beyond ASCII', '\xe4'],
  ])('attack: %s in it, for the eyes of whoever reads the log', async (_name, id) => {
    const request = await seen(plain.port, { headers: { 'X-Request-Id': id } });
    expect(request.headers('x-request-id')).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
  });
});
