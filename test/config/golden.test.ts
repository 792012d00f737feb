import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { stringify } from 'yaml';
import type { Config } from '../../src/control/config/config.js';
import { parseConfig } from '../../src/control/config/load.js';
import { ConfigError } from '../../src/control/config/problem.js';
import { DEFAULT_LIMITS } from '../../src/proxy/limits.js';

/*
 * Each .yaml file of this folder is a case: a configuration, a line of dashes, and what comes of it: the
 * completed configuration, without what the defaults say, or the exact text of every problem. After an
 * intended change write the second halves anew, and read the diff: UPDATE_GOLDEN=1 npx vitest run test/config
 */
const FOLDER = fileURLToPath(new URL('.', import.meta.url));
const DASHES = /^-{10,}\n/m;

const ENV = {
  SEALING_KEY: 'an-environment-secret-0123456789abcdef',
  SHORT_SECRET: 'short-but-secret',
  UPSTREAM_URL: 'http://user:environment-password@10.0.0.1:8001',
  INJECTION: 'http://10.0.0.1:8001\nexpose: true',
  PORT: '9090',
  WEIGHT: '3',
  EMPTY: '',
};

const DEFAULTS: Omit<Config, 'pools' | 'routes'> = {
  listen: { host: undefined, port: 8080 },
  tls: undefined,
  keys: [],
  answers: [],
  errorPages: new Map(),
  trustedProxies: [],
  proxyProtocol: false,
  http2: false,
  expose: false,
  halfClose: false,
  accessLog: true,
  limits: DEFAULT_LIMITS,
  workers: 1,
  shutdownDelayMs: 0,
  shutdownGraceMs: 30_000,
  monitor: undefined,
  sourceWaitMs: 5000,
  admin: undefined,
  stateFile: undefined,
};

const POOL_DEFAULTS: Readonly<Record<string, unknown>> = { sources: [], lingerMs: 600_000, rampUpMs: 0 };

const cases = readdirSync(FOLDER).filter((name) => name.endsWith('.yaml'));

describe('a configuration file gives its configuration or all its problems', () => {
  it.each(cases)('%s', (name) => {
    const [input = '', expected] = readFileSync(FOLDER + name, 'utf8').split(DASHES, 2);
    const found = outcome(name, input);
    if (process.env['UPDATE_GOLDEN'] !== undefined)
      writeFileSync(FOLDER + name, `${input}${'-'.repeat(10)}\n${found}`);
    else expect(found).toBe(expected);
    for (const secret of [ENV.SEALING_KEY, ENV.SHORT_SECRET, 'environment-password', 'written-secret'])
      expect(found).not.toContain(secret);
  });
});

function outcome(name: string, input: string): string {
  try {
    return concise(parseConfig(input, { source: name, folder: FOLDER, env: ENV }));
  } catch (error) {
    if (error instanceof ConfigError) return `${error.message.replaceAll(FOLDER, 'FOLDER/')}\n`;
    throw error;
  }
}

/** Without what is as by default. A key is shown by its length, and a PEM text by its first line. */
function concise(config: Config): string {
  const shown: Record<string, unknown> = {};
  for (const [name, value] of Object.entries(config)) {
    const usual = (DEFAULTS as unknown as Record<string, unknown>)[name];
    if (JSON.stringify(value) !== JSON.stringify(usual)) shown[name] = value;
  }
  const pools = config.pools.map((pool) =>
    Object.fromEntries(
      Object.entries(pool).filter(
        ([name, value]) => JSON.stringify(value) !== JSON.stringify(POOL_DEFAULTS[name]),
      ),
    ),
  );
  const hidden = {
    ...shown,
    pools,
    ...(config.admin?.token !== undefined && {
      admin: { ...config.admin, token: `${config.admin.token.length} characters` },
    }),
    ...(shown['keys'] !== undefined && { keys: config.keys.map((key) => `${key.length} characters`) }),
  };
  return stringify(JSON.parse(JSON.stringify(hidden, firstLine)), { lineWidth: 0 }).replaceAll(
    FOLDER,
    'FOLDER/',
  );
}

function firstLine(name: string, value: unknown): unknown {
  return name === 'text' ? String(value).split('\n', 1)[0] : value;
}
