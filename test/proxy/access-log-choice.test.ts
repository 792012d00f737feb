import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../src/testing/seeded-random.js';
import { connect, request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';
import { startTestGateway } from './gateway.js';

const upstream = await startUpstream();
const TRACE = '4bf92f3577b34da6a3ce929d0e0e4736';
const PARENT = '00f067aa0ba902b7';

describe('traceId', () => {
  it.each([
    [`00-${TRACE}-${PARENT}-01`, TRACE],
    [`cc-${TRACE}-${PARENT}-01-what-the-future-will-be-like`, TRACE],
    [`ff-${TRACE}-${PARENT}-01`, undefined],
    [`00-${TRACE}-${PARENT}-01-more`, undefined],
    [`00-${TRACE.toUpperCase()}-${PARENT}-01`, undefined],
    [`00-${'0'.repeat(32)}-${PARENT}-01`, undefined],
    [`00-${TRACE}-${'0'.repeat(16)}-01`, undefined],
    [`00-${TRACE.slice(1)}-${PARENT}-01`, undefined],
    [`"},{"traceId":"${TRACE}`, undefined],
    ['', undefined],
  ])('of %j is %s, and the field passes on untouched', async (traceparent, traceId) => {
    const gateway = await startTestGateway([upstream]);
    const before = upstream.seen.length;
    await request(gateway.port, { headers: { Host: 'a', Traceparent: traceparent, tracestate: 'x=1' } });
    expect(gateway.log).toHaveLength(1);
    expect(gateway.log[0]!['traceId']).toBe(traceId);
    expect(upstream.seen[before]!.header('traceparent')).toBe(traceparent);
    expect(upstream.seen[before]!.header('tracestate')).toBe('x=1');
  });

  it('two of them are none', async () => {
    const gateway = await startTestGateway([upstream]);
    const client = await connect(gateway.port);
    const field = `traceparent: 00-${TRACE}-${PARENT}-01\r\n`;
    client.write(`GET / HTTP/1.1\r\nHost: a\r\n${field}${field}\r\n`);
    await client.response();
    expect(gateway.log[0]).not.toHaveProperty('traceId');
  });
});

describe('which lines are written', () => {
  const answers = async (port: number, status: number, count: number): Promise<void> => {
    upstream.behaviour = { kind: 'answer', status };
    const client = await connect(port);
    for (let at = 0; at < count; at++) await client.request();
    client.destroy();
  };

  it('those of the classes that are named, refused heads too', async () => {
    const gateway = await startTestGateway([upstream], { accessLog: { statuses: ['4xx', '5xx'] } });
    for (const status of [200, 302, 404, 503]) await answers(gateway.port, status, 2);
    const client = await connect(gateway.port);
    client.write('nonsense\r\n\r\n');
    await client.response();
    expect(gateway.log.map(({ status }) => status)).toEqual([404, 404, 503, 503, 400]);
    expect(gateway.log.some((line) => 'share' in line)).toBe(false);
  });

  it('the share that is wanted, which each of them says', async () => {
    const accessLog = { sample: { '2xx': '25%', '3xx': '0%' } };
    const gateway = await startTestGateway([upstream], { accessLog }, { random: seededRandom(7) });
    await answers(gateway.port, 200, 400);
    await answers(gateway.port, 302, 20);
    await answers(gateway.port, 404, 3);
    const sampled = gateway.log.filter(({ status }) => status === 200);
    expect(sampled.length).toBeGreaterThan(70);
    expect(sampled.length).toBeLessThan(130);
    expect(new Set(sampled.map(({ share }) => share))).toEqual(new Set([0.25]));
    expect(gateway.log.filter(({ status }) => status === 302)).toEqual([]);
    expect(gateway.log.filter(({ status }) => status === 404)).toHaveLength(3);
    upstream.behaviour = { kind: 'answer' };
    // A reload changes it, and metrics have all of them.
    const { requests } = await gateway.operations.counters();
    expect(requests).toBe(423);
  });
});
