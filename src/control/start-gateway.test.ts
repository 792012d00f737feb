import { expect, it } from 'vitest';
import { startGateway } from './start-gateway.js';

it.each([
  [{ listen: 8080, upstreams: { 'api-1': 'http://127.0.0.1:3001' } }],
  [{ pools: { a: {} }, routes: [{ pool: 'a' }] }],
  ['stickyroute.yaml'],
  [undefined],
])('says of %j that it must be read first', async (config) => {
  await expect(startGateway(config as never)).rejects.toThrow('startGateway(readConfig({ … }))');
});
