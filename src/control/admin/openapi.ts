import { z } from 'zod';
import { version } from '../version.js';
import { errorView } from './admin-views.js';
import type { Endpoint } from './endpoints.js';

type Json = Record<string, unknown>;

/** Refusals that anything may get, with what they mean. */
const COMMON: Readonly<Record<number, string>> = {
  400: 'The request makes no sense',
  401: 'The token is missing or wrong',
  403: 'A page of another site asked, or this API may not write',
  421: 'The host name is not known to be of this gateway',
  429: 'Too many wrong tokens came from this address',
};
const MORE: Readonly<Record<number, string>> = {
  404: 'There is no such pool or upstream',
  409: 'Not as things stand',
  413: 'The body is too large',
  415: 'The body is not JSON',
  422: 'The configuration can not be used',
  503: 'As many event streams as may be are open',
};

/** The OpenAPI 3.1 document of the admin API: made of what the code checks and answers. */
export function openApiOf(endpoints: readonly Endpoint[]): Json {
  const schemas: Json = {};
  const paths: Record<string, Json> = {};
  for (const endpoint of endpoints) {
    paths[endpoint.path] ??= {};
    paths[endpoint.path]![endpoint.method.toLowerCase()] = operationOf(endpoint, schemas);
  }
  return {
    openapi: '3.1.0',
    info: {
      title: 'stickyroute admin API',
      version: version(),
      description: 'Look at a running gateway and steer it. docs/admin.md tells how to reach it.',
    },
    security: [{ token: [] }],
    paths,
    components: {
      schemas: sorted(schemas),
      securitySchemes: { token: { type: 'http', scheme: 'bearer' } },
    },
  };
}

function operationOf(endpoint: Endpoint, schemas: Json): Json {
  const { method, path, summary, query = {}, body, answer, refusals } = endpoint;
  const parts = [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name!);
  const parameters = [
    ...parts.map((name) => ({ name, in: 'path', required: true, schema: { type: 'string' } })),
    ...Object.entries(query).map(([name, description]) => ({
      name,
      in: 'query',
      description,
      schema: { type: 'string' },
    })),
  ];
  const isStream = path === '/events';
  const statuses = [
    ...Object.keys(COMMON).map(Number),
    ...refusals,
    ...(body === undefined ? [] : [413, 415]),
    ...(isStream ? [503] : []),
  ];
  return {
    operationId: [method.toLowerCase(), ...path.split(/[/{}]+/).filter((part) => part !== '')].join('-'),
    summary,
    ...(parameters.length > 0 && { parameters }),
    ...(body !== undefined && {
      requestBody: { content: { 'application/json': { schema: refTo(body, schemas) } } },
    }),
    responses: {
      200: {
        description: 'Done',
        content: {
          'application/json': { schema: refTo(answer, schemas) },
          ...(isStream && { 'text/event-stream': { schema: { type: 'string' } } }),
        },
      },
      ...Object.fromEntries(
        statuses.map((status) => [
          status,
          {
            description: COMMON[status] ?? MORE[status],
            content: { 'application/json': { schema: refTo(errorView, schemas) } },
          },
        ]),
      ),
    },
  };
}

/** Puts the schema, with those that it names, into `schemas`. */
function refTo(schema: z.ZodType, schemas: Json): Json {
  const id = schema.meta()?.['id'];
  if (typeof id !== 'string') throw new Error('Every body and answer of the admin API has an id.');
  const { $schema: _schema, $defs, id: _id, ...own } = z.toJSONSchema(schema, { io: 'output' }) as Json;
  for (const [name, part] of Object.entries(($defs ?? {}) as Json)) schemas[name] = pointed(part);
  // A schema with an id may come as a reference to itself among the parts.
  if (own['$ref'] === undefined) schemas[id] = pointed(own);
  return { $ref: `#/components/schemas/${id}` };
}

function pointed(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pointed);
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name]) => name !== 'id' || typeof (value as Json)['id'] !== 'string')
      .map(([name, each]) => [
        name,
        name === '$ref' && typeof each === 'string'
          ? each.replace('#/$defs/', '#/components/schemas/')
          : pointed(each),
      ]),
  );
}

function sorted(schemas: Json): Json {
  return Object.fromEntries(Object.entries(schemas).sort(([a], [b]) => (a < b ? -1 : 1)));
}
