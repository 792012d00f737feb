import { describe, expect, it } from 'vitest';
import { isAlive, start } from './processes.js';
import { accepts } from './ports.js';
import { connect, request } from './raw-client.js';
import { startUpstream, type Behaviour } from './upstream.js';
import { startUpstreamProcess } from './upstream-process.js';
import { until } from './until.js';

describe('the fake upstream and the raw client', () => {
  it('answers with its id and the request, and counts', async () => {
    const upstream = await startUpstream({ id: 'api-7' });
    const client = await connect(upstream.port);
    const first = await client.request({
      method: 'POST',
      target: '/a?b=1',
      headers: { 'X-User-Id': 'u1' },
      body: 'hello',
    });
    const second = await client.request({ target: '/next' });
    expect(first.json()).toMatchObject({
      id: 'api-7',
      method: 'POST',
      target: '/a?b=1',
      headers: { 'x-user-id': 'u1' },
      body: 'hello',
    });
    expect(second.status).toBe(200);
    expect(upstream.requests).toBe(2);
    expect(upstream.accepted).toBe(1);
    expect((await upstream.request(1)).body.toString()).toBe('hello');
  });

  it('reads chunked bodies both ways, and answers to pipelined requests in order', async () => {
    const upstream = await startUpstream({
      behaviour: (seen) => ({ kind: 'answer', body: `to ${seen.target}`, isChunked: true }),
    });
    const client = await connect(upstream.port);
    client.write(
      'POST /1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\nX-Sum: 9\r\n\r\nGET /2 HTTP/1.1\r\nHost: a\r\n\r\n',
    );
    const answers = [await client.response(), await client.response()];
    expect(answers.map((answer) => [answer.framing, answer.text()])).toEqual([
      ['chunked', 'to /1'],
      ['chunked', 'to /2'],
    ]);
    expect(upstream.seen[0]).toMatchObject({ bodyBytes: 3, trailers: [['X-Sum', '9']] });
  });

  it('hands out a 1xx before the answer, and nothing of a body after HEAD', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'informational', statuses: [103] } });
    const client = await connect(upstream.port);
    client.send({ method: 'HEAD' });
    expect([(await client.response()).status, (await client.response()).framing]).toEqual([103, 'none']);
    upstream.behaviour = { kind: 'answer' };
    expect((await client.request()).json()).toMatchObject({ id: 'api-1' });
  });

  it('echoes bytes after an upgrade', async () => {
    const upstream = await startUpstream();
    const client = await connect(upstream.port);
    const answer = await client.request({ headers: { Connection: 'Upgrade', Upgrade: 'websocket' } });
    client.write('ping');
    expect([answer.status, (await client.raw(4)).toString()]).toEqual([101, 'ping']);
  });

  const failures: [string, Behaviour, string][] = [
    ['an upstream that drops the connection', { kind: 'drop' }, 'end'],
    ['an upstream that resets the connection', { kind: 'drop', isReset: true }, 'reset'],
    ['a body cut short of its length', { kind: 'cut', framing: 'length' }, 'end'],
    ['a chunked body cut short', { kind: 'cut', framing: 'chunked' }, 'end'],
  ];
  it.each(failures)('notices %s', async (_, behaviour, ending) => {
    const upstream = await startUpstream({ behaviour });
    const client = await connect(upstream.port);
    client.send();
    await expect(client.response()).rejects.toThrow('ended');
    expect(await client.closed()).toBe(ending);
    expect(client.isCutShort).toBe(behaviour.kind === 'cut');
  });

  it('refuses two framings in one head', async () => {
    const upstream = await startUpstream();
    const client = await connect(upstream.port);
    client.write(
      'POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n',
    );
    await client.closed();
    expect(upstream.faults).toEqual([expect.stringContaining('Two framings')]);
  });

  it('stops sending to a client that does not read', async () => {
    const upstream = await startUpstream({ behaviour: { kind: 'flood', bodyBytes: 64 * 1024 * 1024 } });
    const client = await connect(upstream.port);
    client.socket.pause();
    client.send();
    await until('the first bytes', () => upstream.sentBytes > 0);
    expect(upstream.sentBytes).toBeLessThan(64 * 1024 * 1024);
    client.socket.resume();
    expect((await client.response()).body.length).toBe(64 * 1024 * 1024);
  });

  it('refuses connections after stop, and takes them again after listen', async () => {
    const upstream = await startUpstream();
    await upstream.stop();
    expect(await accepts(upstream.port)).toBe(false);
    await upstream.listen();
    expect((await request(upstream.port)).status).toBe(200);
  });
});

describe('processes', () => {
  it('starts the sample upstream, and leaves nothing of it behind', async () => {
    const upstream = await startUpstreamProcess('api-3');
    expect((await request(upstream.port, { target: '/load-balancer-test' })).json()).toMatchObject({
      service_name: 'api-3',
    });
    expect(await upstream.stop()).toEqual({ code: 0, signal: null });
    expect(isAlive(upstream.pid)).toBe(false);
  });

  it('tells what a process said when it ends before its line', async () => {
    const child = start(process.execPath, ['-e', 'console.log("bye"); process.exit(3)']);
    await expect(child.waitForLine(/ready/)).rejects.toThrow(/exited with 3\s+bye/);
  });
});
