import { readdirSync, writeFileSync } from 'node:fs';
import { afterAll, beforeAll, expect, it } from 'vitest';
import { startTestGateway, type TestGateway } from '../e2e/gateway.js';
import { API_CA, startKubernetesApi, type KubernetesApi } from '../support/kubernetes-api.js';
import { findProgram, skipWhere } from '../support/programs.js';
import { run, start } from '../support/processes.js';
import { request } from '../support/raw-client.js';
import { until } from '../support/until.js';

/*
 * Pods are hosts of their own here: network namespaces with an address each, at a bridge. The attack, which
 * nobody means: a pod ends, another one is given its address, and a user of the old one, whose cookie names
 * it, reaches the new one and is taken for somebody it knows.
 */
const PREFIX = `sr${process.pid % 10_000}`;
const BRIDGE = `${PREFIX}br`;
const SUBNET = `10.${200 + (process.pid % 50)}.${(process.pid >> 6) % 250}`;
const PORT = 8080;

async function ip(...args: readonly string[]): Promise<void> {
  const { code, stderr } = await run(findProgram('ip')!, [...args]);
  if (code !== 0) throw new Error(`ip ${args.join(' ')}: ${stderr}`);
}

async function missing(): Promise<string | undefined> {
  if (process.platform !== 'linux' || findProgram('ip') === undefined) return 'no ip of iproute2';
  const probe = await run(findProgram('ip')!, ['netns', 'add', `${PREFIX}probe`]);
  if (probe.code !== 0) return 'network namespaces are not permitted';
  await ip('netns', 'del', `${PREFIX}probe`);
  const link = await run(findProgram('ip')!, ['link', 'add', BRIDGE, 'type', 'bridge']);
  if (link.code === 0) await ip('link', 'del', BRIDGE);
  return link.code === 0 ? undefined : 'network devices are not permitted';
}

/** An app that says which pod it is. */
const APP = (pod: string): string =>
  `require('node:http').createServer((_, answer) => answer.end('${pod}')).listen(${PORT}, '0.0.0.0', () => console.log('listens'))`;

const reason = await missing();

skipWhere(reason)('pods with addresses of their own', () => {
  let api: KubernetesApi;
  let gateway: TestGateway;
  let spaces = 0;

  /** A host with this address, until it is ended; then the address is free. */
  async function startPod(name: string, host: number) {
    const space = `${PREFIX}n${++spaces}`;
    await ip('netns', 'add', space);
    await ip('link', 'add', `${space}a`, 'type', 'veth', 'peer', 'name', `${space}b`);
    await ip('link', 'set', `${space}b`, 'netns', space);
    await ip('link', 'set', `${space}a`, 'master', BRIDGE, 'up');
    await ip('-n', space, 'addr', 'add', `${SUBNET}.${host}/24`, 'dev', `${space}b`);
    await ip('-n', space, 'link', 'set', `${space}b`, 'up');
    const app = start(findProgram('ip')!, ['netns', 'exec', space, process.execPath, '-e', APP(name)]);
    await app.waitForLine(/listens/, 10_000);
    return {
      pod: { name, address: `${SUBNET}.${host}` },
      async end() {
        await ip('link', 'del', `${space}a`);
        await app.stop();
        await ip('netns', 'del', space);
      },
    };
  }

  beforeAll(async () => {
    await ip('link', 'add', BRIDGE, 'type', 'bridge');
    await ip('addr', 'add', `${SUBNET}.1/24`, 'dev', BRIDGE);
    await ip('link', 'set', BRIDGE, 'up');
    // Neighbours that change their device are asked for at once.
    try {
      writeFileSync(`/proc/sys/net/ipv4/neigh/${BRIDGE}/base_reachable_time_ms`, '100');
      writeFileSync(`/proc/sys/net/ipv4/neigh/${BRIDGE}/delay_first_probe_time`, '0');
    } catch {
      // It takes some seconds more then.
    }
    api = await startKubernetesApi();
  });
  afterAll(async () => {
    await gateway?.close();
    for (const space of readdirSync('/run/netns').filter((name) => name.startsWith(`${PREFIX}n`)))
      await run(findProgram('ip')!, ['netns', 'del', space]);
    await run(findProgram('ip')!, ['link', 'del', BRIDGE]);
  });

  it('a user of a pod that ended does not reach, as its user, the pod that has its address now', async () => {
    const [first, second] = await Promise.all([startPod('api-old', 11), startPod('api-other', 12)]);
    api.set('api-1', { pods: [first.pod, second.pod] });
    const kubernetes = { service: 'api', namespace: 'shop', server: api.url, caFile: API_CA };
    gateway = await startTestGateway({
      sources: [{ kubernetes }],
      affinity: [{ cookie: { onFailure: 'reject' } }],
      limits: { connectTime: '2s' },
    });
    const { cookie, body } = await until('a user of the first pod', async () => {
      const answer = await request(gateway.port);
      const set = answer.header('set-cookie');
      return answer.header('x-upstream') === 'api-old' && set !== undefined
        ? { cookie: set.split(';')[0]!, body: answer.body.toString() }
        : undefined;
    });
    expect(body).toBe('api-old');
    const asUser = () => request(gateway.port, { headers: { Cookie: cookie } });
    expect((await asUser()).body.toString()).toBe('api-old');

    // It ends, and its address is given away, before anybody has told the gateway.
    await first.end();
    const next = await startPod('api-new', 11);
    api.set('api-1', { pods: [next.pod, second.pod] });
    await until('the gateway knows', () =>
      gateway.log.some(({ came, gone }) => came?.includes('api-new') && gone?.includes('api-old')),
    );
    // Its binding names a pod that is gone: the user is moved, and told so.
    const moved = await until('an answer', async () => {
      const answer = await asUser();
      return answer.status === 200 ? answer : undefined;
    });
    expect(moved.header('x-affinity')).toMatch(/^rehomed by cookie.*gone/);
    expect(moved.header('set-cookie')).toBeDefined();
    expect(moved.body.toString()).toBe(moved.header('x-upstream'));
    await second.end();
    await next.end();
  }, 60_000);
});
