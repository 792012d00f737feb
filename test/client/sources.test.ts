import { expect, it, onTestFinished } from 'vitest';
import { createClient } from '../../src/client/index.js';
import { dns, file } from '../../src/control/sources/index.js';
import type { SourceListener } from '../../src/route/pool/source.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { a, startDnsServer } from '../support/dns-server.js';
import { until } from '../support/until.js';
import { startUpstream } from '../support/upstream.js';

it('a call waits for the sources, and goes where they say', async () => {
  const upstream = await startUpstream({ id: 'api-1' });
  const server = await startDnsServer({ 'api.internal': a('127.0.0.1') });
  const client = createClient({
    sources: [dns({ name: 'api.internal', port: upstream.port, resolvers: [server.address] })],
  });
  onTestFinished(() => client.close());
  expect(() => client.owner('7')).toThrow(/no source has named one/);
  expect((await client.fetch('7', '/')).status).toBe(200);
  expect(client.owner('7')).toBe(`api.internal[127.0.0.1]:${upstream.port}`);
});

it('listed upstreams come first, changes are damped, and what can not be changes nothing', async () => {
  let listener!: SourceListener;
  let stopped = 0;
  const clock = createManualClock();
  const client = createClient({
    upstreams: { 'api-1': 'http://api-1' },
    sources: [
      {
        start(told) {
          listener = told;
          return { stop: () => void stopped++ };
        },
      },
    ],
    clock,
  });
  const ids = (): string => client.upstreams.map(({ id, condition }) => `${id} ${condition}`).join(', ');
  const at = (id: string, weight = 1) => ({ id, url: `http://${id}`, weight, draining: false });
  expect(ids()).toBe('api-1 up');
  listener.found({ upstreams: [at('c'), at('b'), at('api-1')], down: ['c'] });
  expect(ids()).toBe('api-1 up, b up, c down');
  listener.found({ upstreams: [at('d')] });
  expect(ids()).toBe('api-1 up, b up, c down');
  clock.advance(200);
  expect(ids()).toBe('api-1 up, d up');
  listener.found({ upstreams: [at('e', -1), at('f')] });
  clock.advance(200);
  expect(ids()).toBe('api-1 up, f up');
  client.setUpstreams({ 'api-2': 'http://api-2' });
  listener.found({ upstreams: [at('d')] });
  clock.advance(200);
  expect(ids()).toBe('api-2 up, d up');
  await client.close();
  expect(stopped).toBe(1);
});

it('a call waits for a source no longer than its deadline', async () => {
  const client = createClient({ sources: [{ start: () => ({ stop() {} }) }], deadline: '30ms' });
  await expect(client.fetch('7', '/')).rejects.toMatchObject({ code: expect.stringMatching(/^STICKY_/) });
  await until('closed', async () => client.close().then(() => true));
});

it('options that can not be are refused at once', () => {
  expect(() => dns({ name: '10.0.0.1', port: 1 })).toThrow('dns.name: is an address');
  expect(() => file({ path: '' })).toThrow('file.path: is empty');
  expect(() => createClient({ sources: [{}] as never })).toThrow('sources must be a list');
  expect(() => createClient({})).toThrow('upstreams');
});
