import { describe, expect, it } from 'vitest';
import { Outlet } from './outlet.js';
import type { Wire } from './wire.js';

function noted(): { outlet: Outlet; calls: string[] } {
  const calls: string[] = [];
  const note = (call: string) => (): void => void calls.push(call);
  const write = (bytes: string | Buffer): void =>
    void calls.push(bytes.length > 100 ? `${bytes.length} bytes` : bytes.toString());
  const wire: Wire = {
    remoteAddress: '',
    isOpen: true,
    bufferedBytes: 0,
    writeText: write,
    write,
    cork: note('cork'),
    uncork: note('uncork'),
    pause() {},
    resume() {},
    end: note('end'),
    destroy: note('destroy'),
    reset: note('reset'),
  };
  return { outlet: new Outlet(wire), calls };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('an outlet', () => {
  it('sends what one turn gave rise to in one write, at its end', async () => {
    const { outlet, calls } = noted();
    outlet.text('a');
    outlet.flush();
    outlet.bytes(Buffer.from('xbx'), 1, 2);
    outlet.flush();
    expect(calls).toEqual([]);
    await turn();
    expect(calls).toEqual(['ab']);
    await turn();
    expect(calls).toEqual(['ab']);
  });

  it('keeps what was not meant to be sent yet', async () => {
    const { outlet, calls } = noted();
    outlet.text('a');
    await turn();
    expect(calls).toEqual([]);
  });

  it('says that no more will come after what it holds', async () => {
    const { outlet, calls } = noted();
    outlet.text('a');
    outlet.end();
    expect(calls).toEqual([]);
    await turn();
    expect(calls).toEqual(['a', 'end']);
  });

  it('closes at once, and not before what it holds', () => {
    const { outlet, calls } = noted();
    outlet.text('a');
    outlet.destroy();
    expect(calls).toEqual(['a', 'destroy']);
  });

  it('writes large pieces as they are, behind what came before', async () => {
    const { outlet, calls } = noted();
    outlet.text('a');
    outlet.flush();
    outlet.bytes(Buffer.alloc(10_000), 0, 10_000);
    await turn();
    expect(calls).toEqual(['cork', 'a', '10000 bytes', 'uncork']);
  });
});
