import { expect, it } from 'vitest';
import { ConfigError, readConfig } from '../../src/control/index.js';
import { createManualClock } from '../../src/testing/manual-clock.js';
import { connect } from '../support/raw-client.js';
import { startUpstreams } from '../support/upstream.js';
import { until } from '../support/until.js';
import { settingsOf, startTestGateway } from './gateway.js';

it('limits of a pool go over the gateway’s, for its upstreams alone, and a reload changes them', async () => {
  const [quick, slow] = await startUpstreams(2);
  for (const upstream of [quick!, slow!]) upstream.behaviour = { kind: 'silent' };
  const clock = createManualClock();
  const settings = (answerTime: string): object => ({
    limits: { answerTime: '10s' },
    pools: {
      quick: { upstreams: [quick!.url], limits: { answerTime }, passive: { maxFails: 0 } },
      slow: { upstreams: [slow!.url], passive: { maxFails: 0 } },
    },
    routes: [
      { match: { path: '/quick' }, pool: 'quick' },
      { pool: 'slow', affinity: [] },
    ],
  });
  const gateway = await startTestGateway([], settings('1s'), { clock });
  const statuses = (): unknown[] => gateway.log.filter(({ tries }) => tries).map(({ status }) => status);
  const ask = async (target: string): Promise<void> =>
    (await connect(gateway.port)).send({ method: 'POST', target });
  await ask('/quick');
  await ask('/slow');
  await until('both to be asked', () => quick!.requests + slow!.requests === 2);
  clock.advance(3000);
  await until('the end of one', () => statuses().length === 1);
  expect(gateway.log.find(({ status }) => status === 504)).toMatchObject({ route: '/quick' });
  clock.advance(9000);
  await until('the end of the other', () => statuses().length === 2);

  await gateway.operations.reload(readConfig(settingsOf([], settings('5s'))));
  await ask('/quick');
  await until('another', () => quick!.requests === 2);
  clock.advance(3000);
  expect(statuses().length).toBe(2);
  clock.advance(4000);
  await until('its end', () => statuses().length === 3);
});

it('a pool has no limits towards clients', () => {
  const pools = { a: { upstreams: ['http://127.0.0.1:1'], limits: { headBytes: '1KiB' } } };
  expect(() => readConfig({ pools, routes: [{ pool: 'a' }] })).toThrow(ConfigError);
});
