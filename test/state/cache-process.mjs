// A process with a cache, on what `npm run build` made: node cache-process.mjs REDIS_URL DATABASE_URL
import { createServer } from 'node:http';
import { createClient } from '@redis/client';
import { seen } from '../../dist/frameworks/node/index.js';
import { createCache } from '../../dist/state/cache/index.js';
import { redisStore } from '../../dist/state/store/redis/index.js';

const [redisUrl, databaseUrl] = process.argv.slice(2);
const client = createClient({ url: redisUrl });
client.on('error', () => {});
await client.connect();
const store = redisStore(client, { timeout: '500ms', partitions: 4 });
const cache = createCache({
  store,
  ttl: '1h',
  bound: '1s',
  keys: ['a secret of the tests, 32 characters'],
  onEvent: () => {},
});
const seenBy = seen(cache);

const server = createServer(async (request, response) => {
  const [, who, what, key] = request.url.split('/');
  // The machine's own monotonic clock, the same for every process: a request that waited for a stopped
  // process begins when it is looked at.
  const atMs = Number(process.hrtime.bigint()) / 1e6;
  const door = who === 'nobody' ? cache : cache.scope(who, seenBy(request, response));
  try {
    if (what === 'delete') {
      await door.delete(key);
      response.end('{}');
    } else {
      const load = async () => Number(await (await fetch(`${databaseUrl}/${who}/${key}`)).text());
      response.end(JSON.stringify({ ...(await door.lookup(key, load)), atMs }));
    }
  } catch (error) {
    response.statusCode = error.status ?? 500;
    response.end('{}');
  }
});
server.listen(0, '127.0.0.1', () => console.log(`listens on ${server.address().port}`));
