import { createServer } from 'node:net';
import { expect, it } from 'vitest';
import { failed } from '../../test/support/scripted-fetch.js';
import { freePort } from '../../test/support/ports.js';
import { wasNeverSent } from './transport-failure.js';

async function thrownBy(url: string): Promise<unknown> {
  return await fetch(url).then(
    () => 'an answer',
    (error: unknown) => error,
  );
}

it('no connection means that nothing was sent', async () => {
  expect(wasNeverSent(await thrownBy(`http://127.0.0.1:${await freePort()}/`))).toBe(true);
  expect(wasNeverSent(await thrownBy(`http://localhost:${await freePort()}/`))).toBe(true);
  expect(wasNeverSent(await thrownBy('http://nobody.invalid/'))).toBe(true);
  for (const cause of [
    { code: 'UND_ERR_CONNECT_TIMEOUT' },
    { code: 'EHOSTUNREACH', syscall: 'connect' },
    { code: 'CERT_HAS_EXPIRED' },
    { code: 'ERR_TLS_CERT_ALTNAME_INVALID' },
  ]) {
    expect(wasNeverSent(failed(cause)), JSON.stringify(cause)).toBe(true);
  }
  expect(wasNeverSent(failed({ errors: [{ syscall: 'connect' }, { syscall: 'connect' }] }))).toBe(true);
});

it('a connection that ended may have carried the request', async () => {
  const server = createServer((socket) => socket.once('data', () => socket.resetAndDestroy()));
  const port = await freePort();
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve));
  expect(wasNeverSent(await thrownBy(`http://127.0.0.1:${port}/`))).toBe(false);
  server.close();
  for (const cause of [
    { code: 'UND_ERR_SOCKET' },
    { code: 'EPIPE', syscall: 'write' },
    { code: 'UND_ERR_HEADERS_TIMEOUT' },
    { errors: [{ syscall: 'connect' }, { syscall: 'read' }] },
    {},
  ]) {
    expect(wasNeverSent(failed(cause)), JSON.stringify(cause)).toBe(false);
  }
  for (const odd of [undefined, null, 'text', new Error('plain')]) expect(wasNeverSent(odd)).toBe(false);
});
