// Verifying access tokens beside the npm packages `jose`, `jsonwebtoken` and `fast-jwt`: same tokens, same
// checks, same run.
//   npm run bench:token
// Every contender is measured in a thread of its own, a run at a time and in turn, so that none inherits what
// V8 learnt from another, and what else the machine does falls on all alike.
import { createSecretKey, generateKeyPairSync } from 'node:crypto';
import { createRequire } from 'node:module';
import { cpus } from 'node:os';
import { performance } from 'node:perf_hooks';
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads';
import { createVerifier } from 'fast-jwt';
import { jwtVerify } from 'jose';
import { memoryStore } from '../dist/state/store/memory/index.js';
import { createTokens } from '../dist/state/token/index.js';

const jsonwebtoken = createRequire(import.meta.url)('jsonwebtoken');

const ALGS = ['HS256', 'ES256', 'RS256', 'EdDSA'];
const TOKENS = 1000;
const REVOKED = 10_000;
const RUNS = 9;
const RUN_MS = 150;
/**
 * Tokens between two looks at the clock; where not said otherwise, asynchronous verifications are begun one
 * after another.
 */
const STRETCH = 64;
const ISSUER = 'https://auth.example.org';
const AUDIENCE = 'https://api.example.org';
const SECRET = 'a shared secret that only this bench knows';

/**
 * How a contender works: at once, by promises one after another, or by as many promises as a stretch has, all
 * under way together.
 */
const [SYNC, ONE, MANY] = ['sync', 'one', 'many'];

const CONTENDERS = {
  'stickyroute, seen: peek': {
    works: SYNC,
    make:
      ({ tokens }) =>
      (text) =>
        tokens.peek(text),
  },
  'stickyroute, seen: await verify': {
    works: ONE,
    make:
      ({ tokens }) =>
      (text) =>
        tokens.verify(text),
  },
  'stickyroute, first time': { works: ONE, make: firstTime },
  'stickyroute, first time, 64 at once': { works: MANY, make: firstTime },
  jose: { works: ONE, make: byJose },
  'jose, 64 at once': { works: MANY, make: byJose },
  jsonwebtoken: {
    works: SYNC,
    without: ['EdDSA'],
    make:
      ({ alg, key }) =>
      (text) =>
        jsonwebtoken.verify(text, key, { algorithms: [alg], issuer: ISSUER, audience: AUDIENCE }),
  },
  'fast-jwt': {
    works: SYNC,
    make: ({ alg, pem }) =>
      createVerifier({ key: pem, algorithms: [alg], allowedIss: ISSUER, allowedAud: AUDIENCE }),
  },
  'fast-jwt, cache: seen': {
    works: SYNC,
    make: ({ alg, pem }) =>
      createVerifier({
        key: pem,
        algorithms: [alg],
        allowedIss: ISSUER,
        allowedAud: AUDIENCE,
        cache: 2 * TOKENS,
      }),
  },
};

function firstTime({ forgetful }) {
  return (text) => forgetful.verify(text);
}

function byJose({ alg, key }) {
  return async (text) =>
    (await jwtVerify(text, key, { algorithms: [alg], issuer: ISSUER, audience: AUDIENCE, typ: 'at+jwt' }))
      .payload;
}

function keyPair(alg) {
  if (alg === 'ES256') return generateKeyPairSync('ec', { namedCurve: 'P-256' });
  return alg === 'RS256'
    ? generateKeyPairSync('rsa', { modulusLength: 2048 })
    : generateKeyPairSync('ed25519');
}

async function prepare(alg) {
  const pair = alg === 'HS256' ? undefined : keyPair(alg);
  const keys = [
    pair === undefined ? { id: '1', alg, secret: SECRET } : { id: '1', alg, privateKey: pair.privateKey },
  ];
  const options = { keys, issuer: ISSUER, audience: AUDIENCE, store: memoryStore(), ttl: '1h' };
  const tokens = createTokens(options);
  // Holds no token long enough for it to come round again.
  const forgetful = createTokens({ ...options, remembered: 2 });
  const texts = [];
  for (let count = 0; count < TOKENS; count++) {
    const { accessToken } = await tokens.issue({
      sub: `user-${count}`,
      claims: { scope: 'read write', name: `User ${count}` },
    });
    texts.push(Buffer.from(accessToken));
  }
  for (let count = 0; count < REVOKED; count++) await tokens.revoke(`revoked-${count}`);
  const pem = pair === undefined ? SECRET : pair.publicKey.export({ type: 'spki', format: 'pem' });
  return {
    alg,
    tokens,
    forgetful,
    texts,
    pem,
    key: pair === undefined ? createSecretKey(Buffer.from(SECRET)) : pair.publicKey,
  };
}

/** A token as a server gets it: a new text every time, of which V8 knows nothing yet. */
const arrive = (texts, at) => texts[at % TOKENS].latin1Slice();

/** Verifies every token once, then gives a function that measures one run. */
async function begin({ works, make }, prepared) {
  const { texts, tokens } = prepared;
  for (const text of texts) await tokens.verify(text.latin1Slice());
  const verify = make(prepared);
  for (let at = 0; at < TOKENS; at++)
    if ((await verify(arrive(texts, at))).sub !== `user-${at}`) throw new Error('verified the wrong user');
  let at = 0;
  return async () => {
    let done = 0;
    let tookMs = 0;
    let seconds = 0;
    const start = performance.now();
    while (tookMs < RUN_MS) {
      const end = at + STRETCH;
      if (works === SYNC) while (at < end) seconds += verify(arrive(texts, at++)).iat;
      else if (works === ONE) while (at < end) seconds += (await verify(arrive(texts, at++))).iat;
      else
        for (const { iat } of await Promise.all(
          Array.from({ length: STRETCH }, () => verify(arrive(texts, at++))),
        ))
          seconds += iat;
      done += STRETCH;
      tookMs = performance.now() - start;
    }
    if (!(seconds > 0)) throw new Error('nothing was verified');
    return (done / tookMs) * 1000;
  };
}

/** A thread that measures a run whenever it is asked to. */
async function contend({ name, alg }) {
  const run = await begin(CONTENDERS[name], await prepare(alg));
  parentPort.on('message', async () => parentPort.postMessage(await run()));
  parentPort.postMessage(0);
}

const answer = (worker) =>
  new Promise((resolve, reject) => {
    const fail = (error) => reject(error);
    worker.once('error', fail).once('message', (rate) => {
      worker.off('error', fail);
      resolve(rate);
    });
  });

/** In turn, so that what else the machine does falls on all alike. */
async function contest(alg) {
  const fastest = {};
  const workers = new Map();
  for (const [name, { without = [] }] of Object.entries(CONTENDERS)) {
    if (without.includes(alg)) continue;
    const worker = new Worker(new URL(import.meta.url), { workerData: { name, alg } });
    workers.set(name, worker);
    fastest[name] = await answer(worker);
  }
  for (let run = 0; run < RUNS; run++) {
    for (const [name, worker] of workers) {
      worker.postMessage('run');
      fastest[name] = Math.max(fastest[name], await answer(worker));
    }
  }
  for (const worker of workers.values()) await worker.terminate();
  return fastest;
}

const thousands = (rate) =>
  (rate >= 1e5 ? Math.round(rate / 1000) : (rate / 1000).toFixed(1))
    .toString()
    .replace(/\B(?=(\d{3})+$)/, ' ');
const times = (ratio) => `${ratio >= 10 ? Math.round(ratio) : ratio.toFixed(1)}×`;

function goals(of) {
  const line = (text, isMet, measured) => `${isMet ? 'met   ' : 'MISSED'} ${text}: ${measured}`;
  const seen = ['stickyroute, seen: peek', 'stickyroute, seen: await verify'];
  return seen.flatMap((name) => [
    line(
      `${name}: at least 1 000 000 a second`,
      ALGS.every((alg) => of(name, alg) >= 1e6),
      ALGS.map((alg) => `${alg} ${thousands(of(name, alg))} k`).join(', '),
    ),
    line(
      `${name}: at least 200 times jose, awaited one after another`,
      ALGS.every((alg) => of(name, alg) >= 200 * of('jose', alg)),
      ALGS.map((alg) => `${alg} ${times(of(name, alg) / of('jose', alg))}`).join(', '),
    ),
    line(
      `${name}: ahead of fast-jwt's cache`,
      ALGS.every((alg) => of(name, alg) > of('fast-jwt, cache: seen', alg)),
      ALGS.map((alg) => `${alg} ${times(of(name, alg) / of('fast-jwt, cache: seen', alg))}`).join(', '),
    ),
  ]);
}

if (isMainThread) {
  console.log(
    `node ${process.version}, ${cpus().length} × ${cpus()[0]?.model.trim() ?? 'unknown processor'}`,
  );
  console.log(
    `${TOKENS} tokens in turn, each time as a new text; best of ${RUNS} runs of ${RUN_MS} ms; issuer, audience and expiry checked by all,`,
  );
  console.log(
    `revocation by stickyroute alone (${REVOKED} tokens are revoked). Thousands a second, and how many times jose.\n`,
  );
  const results = {};
  for (const alg of ALGS) results[alg] = await contest(alg);
  console.log(`| | ${ALGS.join(' | ')} |`);
  console.log(`| --- |${' ---: |'.repeat(ALGS.length)}`);
  for (const name of Object.keys(CONTENDERS)) {
    console.log(
      `| ${name} | ${ALGS.map((alg) => (results[alg][name] === undefined ? '–' : `${thousands(results[alg][name])} (${times(results[alg][name] / results[alg].jose)})`)).join(' | ')} |`,
    );
  }
  console.log();
  for (const text of goals((name, alg) => results[alg][name])) console.log(text);
} else {
  await contend(workerData);
}
