import { expect, it } from 'vitest';
import { readConfig } from '../control/config/load.js';
import { resolveWarnings } from './resolve.js';

it('warns of a name without an address, and says nothing of addresses and of localhost', async () => {
  const config = readConfig({
    upstreams: {
      'api-1': 'http://127.0.0.1:1',
      'api-2': 'http://[::1]:2',
      'api-3': 'http://localhost:3',
      'api-4': 'http://name.invalid:4',
    },
  });
  expect(await resolveWarnings(config)).toEqual([
    'upstream api-4 of pool default: name.invalid has no address here. Check the name, or the resolver.',
  ]);
});
