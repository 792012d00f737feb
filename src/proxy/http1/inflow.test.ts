import { describe, expect, it } from 'vitest';
import { MemoryWire } from '../../../test/support/memory-engine.js';
import { Inflow } from './inflow.js';

const text = ({ bytes, start }: Inflow): string => bytes.toString('latin1', start);

const inflow = (): Inflow => new Inflow(new MemoryWire('127.0.0.1', () => undefined));

describe('Inflow', () => {
  it('holds what comes behind what is held', () => {
    const held = inflow();
    held.hold(Buffer.from('..GET /..'), 2, 7);
    held.hold(Buffer.from('1 HTTP'), 0, 1);
    expect(text(held)).toBe('GET /1');
  });

  it('takes back what its reader leaves without a copy, however many requests stand in it', () => {
    const held = inflow();
    held.hold(Buffer.from('one two three'), 0, 13);
    const { bytes } = held;
    for (const [start, left] of [
      [4, 'two three'],
      [8, 'three'],
    ] as const) {
      held.passOn();
      expect(held.isEmpty).toBe(true);
      held.hold(bytes, start, bytes.length);
      held.trim();
      expect(text(held)).toBe(left);
      expect(held.bytes).toBe(bytes);
    }
  });

  it('copies what it holds out of a buffer that the next read overwrites', () => {
    const held = inflow();
    const read = Buffer.from('GET');
    held.hold(read, 0, 3);
    read.fill('x');
    expect(text(held)).toBe('GET');
  });

  it('lets go of what was read to the end', () => {
    const held = inflow();
    held.hold(Buffer.from('GET'), 0, 3);
    held.passOn();
    held.trim();
    expect(held.bytes).toHaveLength(0);
  });
});
