import { describe, expect, it } from 'vitest';
import { GatheredLines } from './gathered-lines.js';

describe('gathered lines', () => {
  function gather(bytesMax: number) {
    const pieces: string[] = [];
    return {
      pieces,
      lines: new GatheredLines({ write: (bytes) => pieces.push(Buffer.from(bytes).toString()) }, bytesMax),
    };
  }

  it('go out together when the next would not fit, and never cut', () => {
    const { pieces, lines } = gather(10);
    for (const line of ['1234\n', '5678\n', '9\n']) lines.write(line);
    expect(pieces).toEqual(['1234\n5678\n']);
    lines.flush();
    lines.flush();
    expect(pieces).toEqual(['1234\n5678\n', '9\n']);
  });

  it('that are longer than the buffer go out alone and in their place', () => {
    const { pieces, lines } = gather(6);
    for (const line of ['a\n', 'longer than six\n', 'b\n']) lines.write(line);
    lines.flush();
    expect(pieces).toEqual(['a\n', 'longer than six\n', 'b\n']);
  });

  it('are counted in bytes, not in characters', () => {
    const { pieces, lines } = gather(8);
    for (const line of ['äö\n', '€\n', 'x\n']) lines.write(line);
    lines.flush();
    expect(pieces).toEqual(['äö\n', '€\nx\n']);
  });

  it('that were passed on stay as they were while others come', () => {
    const kept: Uint8Array[] = [];
    const lines = new GatheredLines({ write: (bytes) => kept.push(bytes) }, 4);
    for (const line of ['aaa\n', 'bbb\n', 'ccc\n']) lines.write(line);
    expect(kept.map((bytes) => Buffer.from(bytes).toString())).toEqual(['aaa\n', 'bbb\n']);
  });
});
