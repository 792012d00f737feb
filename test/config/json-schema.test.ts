import { readdirSync, readFileSync } from 'node:fs';
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { configJsonSchema } from '../../src/control/config/json-schema.js';
import { gatewayShape, shapesOf } from '../../src/control/config/schema.js';
import { standardKinds } from '../../src/route/kinds.js';

const FOLDER = new URL('.', import.meta.url);
const schema = configJsonSchema(standardKinds) as {
  properties: Record<string, { properties?: object; additionalProperties?: object; items?: object }>;
};
const check = new Ajv2020({ strict: true, strictRequired: false, allowUnionTypes: true }).compile(schema);
const keys = (part: unknown): string[] => Object.keys((part as { properties: object }).properties).sort();

/** The golden files: the second half begins with a configuration, or with what is wrong. */
const cases = readdirSync(FOLDER)
  .filter((name) => name.endsWith('.yaml'))
  .map((name) => {
    const [input = '', outcome = ''] = readFileSync(new URL(name, FOLDER), 'utf8').split(/^-{10,}\n/m, 2);
    return { name, input, isGood: !outcome.startsWith(name) };
  });

/** Bad by its meaning, or by a form that only a reader of ours understands. */
const ONLY_BY_MEANING: readonly string[] = [
  'accept-cookies-alone.yaml',
  'accept-cookies-wrong.yaml',
  'admin-open.yaml',
  'environment-is-no-yaml.yaml',
  'http2-to-upstreams.yaml',
  'include-absent.yaml',
  'routes-conditions-wrong.yaml',
  'routes-one-cookie.yaml',
  'routes-twice.yaml',
  'routes-unknown-pool.yaml',
  'secrets-stay-hidden.yaml',
  'tls-contradiction.yaml',
  'tls-files-missing.yaml',
  'tls-files-wrong.yaml',
  'tls-pair-wrong.yaml',
  'upstreams-twice-in-list.yaml',
  'upstreams-twice.yaml',
  'yaml-tag.yaml',
];

function value(input: string): unknown {
  try {
    return parse(input, { merge: true });
  } catch {
    return 'no YAML';
  }
}

describe('the JSON Schema of the configuration', () => {
  it('has every key, and no other', () => {
    const { pool, route, shorthand } = shapesOf(standardKinds);
    expect(keys(schema)).toEqual(
      [...new Set([...Object.keys({ ...gatewayShape, ...shorthand }), 'include', 'pools', 'routes'])].sort(),
    );
    expect(keys(schema.properties['pools']!.additionalProperties)).toEqual(Object.keys(pool).sort());
    expect(keys(schema.properties['routes']!.items)).toEqual(Object.keys(route).sort());
  });

  it.each(cases.filter(({ isGood }) => isGood))('takes $name', ({ input }) => {
    check(value(input));
    expect(check.errors ?? []).toEqual([]);
  });

  it('refuses what is bad by its shape', () => {
    const taken = cases.filter(({ isGood, input }) => !isGood && check(value(input))).map(({ name }) => name);
    expect(taken).toEqual(ONLY_BY_MEANING);
  });
});
