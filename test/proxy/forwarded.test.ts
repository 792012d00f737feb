import { describe, expect, it } from 'vitest';
import { connect, request, type RequestOptions, type ConnectOptions } from '../support/raw-client.js';
import { startUpstream, type SeenRequest } from '../support/upstream.js';
import { readConfig } from '../../src/control/index.js';
import { settingsOf, startTestGateway, type LogLine } from './gateway.js';

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

const HEARSAY = {
  'X-Forwarded-Prefix': '/admin',
  'X-Forwarded-Port': '1',
  'X-Forwarded-Ssl': 'on',
  'X-Forwarded-Scheme': 'https',
  'X-Forwarded-Server': 'a',
  'X-Forwarded-Tls-Client-Cert': 'a',
  'X-Client-IP': '1.2.3.4',
  'X-Cluster-Client-IP': '1.2.3.4',
  'True-Client-IP': '1.2.3.4',
  'CF-Connecting-IP': '1.2.3.4',
  'X-Original-URL': '/admin',
  'X-Rewrite-URL': '/admin',
};

describe('what else proxies say of where a request comes from', () => {
  it('attack: a stranger says it', async () => {
    const stranger = await seen(behind.port, { localAddress: '127.0.0.9', headers: HEARSAY });
    const names = Object.keys(HEARSAY);
    expect(names.filter((name) => stranger.header(name) !== undefined)).toEqual([]);
    const underscored = Object.fromEntries(names.map((name) => [name.replaceAll('-', '_'), 'a']));
    const cgi = await seen(plain.port, { headers: underscored });
    expect(cgi.fields.filter(([name]) => name.includes('_'))).toEqual([]);
  });

  it('is passed on as a trusted proxy says it', async () => {
    const request = await seen(behind.port, { localAddress: '127.0.0.2', headers: HEARSAY });
    expect(Object.keys(HEARSAY).map((name) => [name, request.header(name)])).toEqual(Object.entries(HEARSAY));
  });
});

describe('Forwarded of a trusted proxy', () => {
  it.each([
    'for=203.0.113.7;proto=https;by=203.0.113.43',
    'for="[2001:db8::1]:4711", for=unknown',
    'For="a\\"b, c"; host=a.example',
    'for=2001:db8::1',
    ',for=1.2.3.4,,',
  ])('%j is kept, with ours behind it', async (element) => {
    const request = await seen(behind.port, { headers: { Forwarded: element } });
    expect(request.headers('forwarded')).toEqual([`${element}, for=127.0.0.1`]);
  });

  it.each(['for="203.0.113.7', 'for="a\\"', 'for=1;by="', '"', 'for=a"b', 'for', 'a b=c', 'for=', '=a'])(
    'attack: %j, behind which ours would be a part of a value, is left out',
    async (element) => {
      const request = await seen(behind.port, { headers: { Forwarded: element } });
      expect(request.headers('forwarded')).toEqual(['for=127.0.0.1']);
    },
  );
});

it('a reload that trusts other proxies counts for connections that are open', async () => {
  const gateway = await startTestGateway([upstream]);
  const client = await connect(gateway.port);
  const headers = { 'X-Forwarded-For': '203.0.113.7' };
  const addresses: (string | undefined)[] = [];
  for (const trustedProxies of [undefined, ['127.0.0.1'], []]) {
    if (trustedProxies !== undefined)
      await gateway.operations.reload(readConfig(settingsOf([upstream], { trustedProxies })));
    await client.request({ headers });
    addresses.push(upstream.seen.at(-1)!.header('x-real-ip'));
  }
  expect(addresses).toEqual(['127.0.0.1', '203.0.113.7', '127.0.0.1']);
});

describe('X-Request-Id', () => {
  it('is made where there is none, and different each time', async () => {
    const [first, second] = [await seen(plain.port, {}), await seen(plain.port, {})];
    expect(first.header('x-request-id')).toMatch(/^[0-9a-f]{32}$/);
    expect(second.header('x-request-id')).not.toBe(first.header('x-request-id'));
  });

  it('of a trusted proxy is passed on where it looks like one, and stands in the log', async () => {
    const request = await seen(behind.port, { headers: { 'X-Request-Id': 'Trace-1.2:3/a+b=c_d' } });
    expect(request.headers('x-request-id')).toEqual(['Trace-1.2:3/a+b=c_d']);
    expect(behind.log.at(-1)).toMatchObject({ requestId: 'Trace-1.2:3/a+b=c_d' });
  });

  it.each([
    ['a space', 'a b'],
    ['markup', '<script>'],
    ['nothing', ''],
    ['too much', 'a'.repeat(129)],
    ['bytes beyond ASCII', '\xe4'],
  ])('attack: %s in it, for the eyes of whoever reads the log', async (_name, id) => {
    const request = await seen(behind.port, { headers: { 'X-Request-Id': id } });
    expect(request.headers('x-request-id')).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
  });

  it("attack: a stranger's, which would stand in the log for somebody else's request", async () => {
    for (const name of ['X-Request-Id', 'X_Request_ID']) {
      const request = await seen(plain.port, { headers: { [name]: 'trace-1' } });
      expect(request.headers('x-request-id')).toEqual([expect.stringMatching(/^[0-9a-f]{32}$/)]);
      expect(request.header(name)).not.toBe('trace-1');
    }
  });
});

describe('a proxy that nobody has said to trust', () => {
  const told = (log: readonly LogLine[]): unknown[] =>
    log.filter(({ msg }) => String(msg).includes('is not among trustedProxies'));

  it('is warned of once', async () => {
    const gateway = await startTestGateway([upstream]);
    await request(gateway.port, { headers: { 'X-Real-IP': '1.2.3.4' } });
    expect(told(gateway.log)).toEqual([]);
    for (const localAddress of ['127.0.0.1', '127.0.0.4'])
      await request(gateway.port, { localAddress, headers: CLAIMS });
    expect(told(gateway.log)).toEqual([expect.objectContaining({ client: '127.0.0.1' })]);
  });

  it('is not warned of when it is trusted', async () => {
    await request(behind.port, { localAddress: '127.0.0.2', headers: CLAIMS });
    expect(told(behind.log.filter(({ client }) => client === '127.0.0.2'))).toEqual([]);
  });
});
