import { expect, it } from 'vitest';
import { seededRandom } from '../testing/seeded-random.js';
import { FrameBoundary } from './frame-boundary.js';

/** A frame of a server (no mask) or a client. */
function frame(opcode: number, length: number, isMasked: boolean): Buffer {
  const head = [0x80 | opcode];
  const mask = isMasked ? 0x80 : 0;
  if (length < 126) head.push(mask | length);
  else if (length < 65_536) head.push(mask | 126, length >> 8, length & 255);
  else head.push(mask | 127, 0, 0, 0, 0, 0, (length >> 16) & 255, (length >> 8) & 255, length & 255);
  return Buffer.concat([Buffer.from(head), Buffer.alloc(isMasked ? 4 : 0, 9), Buffer.alloc(length, 0x88)]);
}

it.each([false, true])('finds every end of a frame, however the bytes are cut (masked: %s)', (isMasked) => {
  const random = seededRandom(1);
  const lengths = [0, 1, 125, 126, 127, 300, 65_535, 65_536, 70_000];
  const frames = lengths.map((length) => frame(2, length, isMasked));
  const all = Buffer.concat(frames);
  const ends = new Set<number>([0]);
  frames.reduce((at, each) => {
    ends.add(at + each.length);
    return at + each.length;
  }, 0);
  for (let round = 0; round < 20; round++) {
    const boundary = new FrameBoundary();
    for (let at = 0; at < all.length;) {
      const next = Math.min(all.length, at + 1 + random.below(round < 5 ? 7 : 40_000));
      boundary.pass(all, at, next);
      at = next;
      expect(boundary.isAt, `at ${at}`).toBe(ends.has(at));
    }
    expect(boundary.hasClosed).toBe(false);
  }
});

it('stops at the end of the frame that is under way', () => {
  const boundary = new FrameBoundary();
  const bytes = Buffer.concat([frame(1, 10, false), frame(1, 5, false)]);
  expect(boundary.passFrame(bytes, 0, bytes.length)).toBe(0);
  boundary.pass(bytes, 0, 4);
  expect(boundary.passFrame(bytes, 4, bytes.length)).toBe(12);
  expect(boundary.isAt).toBe(true);
});

it('knows that the upstream has closed by itself', () => {
  const boundary = new FrameBoundary();
  boundary.pass(frame(8, 2, false), 0, 4);
  expect([boundary.isAt, boundary.hasClosed]).toEqual([true, true]);
});
