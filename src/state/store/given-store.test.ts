import { createClient } from '@redis/client';
import { expect, it } from 'vitest';
import { givenStore } from './given-store.js';
import { memoryStore } from './memory/index.js';
import { redisStore } from './redis/index.js';

it('takes a store as it is', () => {
  const store = memoryStore();
  expect(givenStore(store)).toBe(store);
});

it.each([
  [undefined, '`store` is missing'],
  [null, '`store` is missing'],
  [{ connect() {}, multi() {}, get() {} }, 'Write store: redisStore(client)'],
  [memoryStore, 'Call it, and give the store that it makes'],
  [{}, '`store` has no read()'],
  ['redis://127.0.0.1:6379', '`store` has no read()'],
])('says of %j what to write', (store, message) => {
  expect(() => givenStore(store)).toThrow(message);
});

it('says of a client of Redis that was never connected what to call', async () => {
  const client = createClient({ url: 'redis://127.0.0.1:1' });
  client.on('error', () => {});
  const store = redisStore(client);
  await expect(store.read(0, 'key')).rejects.toMatchObject({
    code: 'STICKY_STORE_DOWN',
    message: expect.stringContaining('await client.connect()') as string,
  });
});
