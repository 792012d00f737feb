import { describe, expect, it, onTestFinished } from 'vitest';
import { z } from 'zod';
import type { BalanceDefinition, RuleDefinition } from '../../src/index.js';
import { readConfig, standardKinds, startGateway } from '../../src/control/index.js';
import { request } from '../support/raw-client.js';
import { startUpstream } from '../support/upstream.js';

/** The tenant is the first label of the host name: `acme.example.org`. */
const tenant: RuleDefinition<{ domain: string }> = {
  name: 'tenant',
  options: z.strictObject({ domain: z.string() }),
  create: ({ domain }) => ({
    name: 'tenant',
    subject: domain,
    onFailure: 'borrow',
    find({ line: { host } }) {
      const end = host.length - domain.length - 1;
      return host.endsWith(`.${domain}`) ? { kind: 'keyed', key: host.slice(0, end) } : { kind: 'nothing' };
    },
  }),
};

/** Everybody without a key goes to the last upstream that is open. */
const last: BalanceDefinition = {
  name: 'last',
  options: z.strictObject({}),
  create: () => ({
    name: 'last',
    pick: (facts) => facts.pool.upstreams.findLastIndex((_, index) => !facts.tried(index)),
  }),
};

const kinds = standardKinds.with({ rules: [tenant], balances: [last] });

describe("kinds of one's own", () => {
  it('serve requests through the gateway, and explain names them', async () => {
    const upstreams = await Promise.all(['api-1', 'api-2', 'api-3'].map((id) => startUpstream({ id })));
    const settings = {
      listen: '127.0.0.1:0',
      expose: true,
      shutdownGrace: '0s',
      affinity: [{ tenant: { domain: 'example.org' } }],
      balance: 'last',
      upstreams: Object.fromEntries(upstreams.map(({ id, url }) => [id, url])),
    };
    const gateway = await startGateway(readConfig(settings, { kinds }), { kinds });
    onTestFinished(() => gateway.close());
    const homes = new Map<string, Set<string>>();
    for (const host of ['acme.example.org', 'b.example.org', 'acme.example.org', 'b.example.org']) {
      const answer = await request(gateway.port, { headers: { Host: host } });
      expect(answer.header('x-affinity')).toBe('keyed by tenant');
      homes.set(host, (homes.get(host) ?? new Set()).add(answer.header('x-upstream')!));
    }
    expect([...homes.values()].map(({ size }) => size)).toEqual([1, 1]);
    expect((await request(gateway.port, { headers: { Host: 'elsewhere' } })).header('x-upstream')).toBe(
      'api-3',
    );
    const { rule, upstream } = await gateway.operations.explain({ url: 'http://acme.example.org/' });
    expect(rule).toEqual({ name: 'tenant', subject: 'example.org' });
    expect(homes.get('acme.example.org')).toEqual(new Set([upstream!.id]));
    await gateway.operations.reload(readConfig({ ...settings, expose: false }, { kinds }));
    expect((await request(gateway.port)).status).toBe(200);
  });

  it('are told about as any other: wrong options, a name that is none, a name that is taken', () => {
    const read = (affinity: unknown): unknown =>
      readConfig({ upstreams: ['http://127.0.0.1:1'], affinity: [affinity] }, { kinds });
    expect(() => read({ tenant: { domian: 'x' } })).toThrow(/affinity\[0\]\.tenant/);
    expect(() => read('tenent')).toThrow(/Did you mean tenant\?/);
    expect(() => readConfig({ upstreams: ['http://127.0.0.1:1'], affinity: ['tenant'] })).toThrow(
      /is not a rule/,
    );
    expect(() => standardKinds.with({ rules: [{ ...tenant, name: 'cookie' }] })).toThrow('"cookie" already');
  });

  it('that were given to readConfig alone are missed at the start, with what to do', async () => {
    const affinity = [{ tenant: { domain: 'example.org' } }];
    const config = readConfig(
      { listen: '127.0.0.1:0', upstreams: ['http://127.0.0.1:1'], affinity },
      { kinds },
    );
    await expect(async () => startGateway(config)).rejects.toThrow(
      'Give readConfig and startGateway the same kinds',
    );
  });
});
