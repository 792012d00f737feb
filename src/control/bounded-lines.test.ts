import { describe, expect, it } from 'vitest';
import { BoundedLines } from './bounded-lines.js';

type Done = (written: number, code: string | undefined) => void;

/** Lines towards a destination that does what a test says. */
function gather(writeBytesMax: number, waitingBytesMax = 1000) {
  const pieces: string[] = [];
  const said: string[] = [];
  let answer = (bytes: Buffer, done: Done): void => done(bytes.length, undefined);
  const lines = new BoundedLines(
    {
      write: (bytes, done) =>
        answer(bytes, (written, code) => {
          if (written > 0) pieces.push(bytes.subarray(0, written).toString());
          done(written, code);
        }),
    },
    { writeBytesMax, waitingBytesMax },
    {
      began: (code) => said.push(`began ${code}`),
      ended: (dropped) => said.push(`ended ${dropped}`),
    },
  );
  return {
    lines,
    pieces,
    said,
    writeAll: (...all: string[]) => all.forEach((line) => lines.write(line)),
    answerWith: (how: (bytes: Buffer, done: Done) => void) => (answer = how),
    work: () => (answer = (bytes, done) => done(bytes.length, undefined)),
    fail: (code: string, written = 0) => (answer = (_bytes, done) => done(written, code)),
  };
}

describe('gathered lines', () => {
  it('go out together when the next would not fit, and never cut', () => {
    const { pieces, lines, writeAll } = gather(10);
    writeAll('1234\n', '5678\n', '9\n');
    expect(pieces).toEqual(['1234\n5678\n']);
    lines.flush();
    lines.flush();
    expect(pieces).toEqual(['1234\n5678\n', '9\n']);
  });

  it('that are longer than the buffer go out alone and in their place', () => {
    const { pieces, lines, writeAll } = gather(6);
    writeAll('a\n', 'longer than six\n', 'b\n');
    lines.flush();
    expect(pieces).toEqual(['a\n', 'longer than six\n', 'b\n']);
  });

  it('are counted in bytes, not in characters', () => {
    const { pieces, lines, writeAll } = gather(8);
    writeAll('äö\n', '€\n', 'x\n');
    lines.flush();
    expect(pieces).toEqual(['äö\n', '€\nx\n']);
  });

  it('that wait for their write stay as they were while others come', () => {
    const { pieces, writeAll, answerWith } = gather(4);
    let write: (() => void) | undefined;
    answerWith((bytes, done) => (write = () => done(bytes.length, undefined)));
    writeAll('aaa\n', 'bbb\n', 'ccc\n', 'ddd\n');
    for (let at = 0; at < 3; at++) write!();
    expect(pieces).toEqual(['aaa\n', 'bbb\n', 'ccc\n']);
  });
});

describe('lines that can not be written', () => {
  it('wait up to the bound; what comes then is dropped and counted, and each is said once', () => {
    const { lines, pieces, said, writeAll, fail, work } = gather(4, 8);
    fail('ENOSPC');
    writeAll('aaa\n', 'bbb\n', 'ccc\n', 'ddd\n', 'eee\n', 'long line\n');
    lines.flush();
    expect(said).toEqual(['began ENOSPC']);
    expect(lines.missing).toBe(6);
    work();
    lines.flush();
    lines.flush();
    expect(pieces).toEqual(['aaa\n', 'bbb\n', 'ccc\n']);
    expect(said).toEqual(['began ENOSPC', 'ended 3']);
    writeAll('fff\n');
    lines.flush();
    expect(pieces.at(-1)).toBe('fff\n');
    expect(lines.missing).toBe(0);
  });

  it('lose nothing to a trouble that passes in time, or to a part that was written', () => {
    const { lines, pieces, said, writeAll, fail, work } = gather(4);
    fail('EIO', 2);
    writeAll('aaa\n', 'bbb\n');
    fail('EIO', 0);
    lines.flush();
    work();
    lines.flush();
    lines.flush();
    expect(pieces.join('')).toBe('aaa\nbbb\n');
    expect(said).toEqual(['began EIO', 'ended 0']);
  });

  it('for a slow reader are nobody’s news until the first is dropped', () => {
    const { lines, said, writeAll, fail, work } = gather(4, 8);
    fail('EAGAIN');
    writeAll('aaa\n', 'bbb\n', 'ccc\n');
    expect(said).toEqual([]);
    writeAll('ddd\n');
    expect(said).toEqual(['began EAGAIN']);
    work();
    lines.flush();
    expect(said).toEqual(['began EAGAIN', 'ended 1']);
  });

  it('hold up to the bound when the reader stands still, and no more', () => {
    const { lines, pieces, said, writeAll, answerWith, work } = gather(64, 1024);
    let goOn: (() => void) | undefined;
    answerWith((bytes, done) => (goOn = () => done(bytes.length, undefined)));
    for (let count = 0; count < 1000; count++) {
      writeAll('fifteen bytes.\n');
      lines.flush();
    }
    expect(lines.missing).toBe(1000);
    work();
    goOn!();
    lines.flush();
    expect(pieces.join('').length).toBeGreaterThan(1024 - 64);
    expect(pieces.join('').length).toBeLessThanOrEqual(1024 + 64);
    expect(said).toEqual(['began EAGAIN', `ended ${1000 - pieces.join('').length / 15}`]);
  });

  it('end a wait for them at once when the system refuses them, and keep it while a reader is slow', async () => {
    const full = gather(4);
    full.fail('ENOSPC');
    full.writeAll('aaa\n');
    await full.lines.finish();
    expect(full.lines.missing).toBe(1);

    const slow = gather(4);
    slow.fail('EAGAIN');
    slow.writeAll('aaa\n');
    let isFinished = false;
    const finished = slow.lines.finish().then(() => (isFinished = true));
    await Promise.resolve();
    expect(isFinished).toBe(false);
    slow.work();
    slow.lines.flush();
    await finished;
    expect(slow.pieces).toEqual(['aaa\n']);
  });

  it('that are said while they are told of come in their place', () => {
    const pieces: string[] = [];
    let isFull = true;
    const lines: BoundedLines = new BoundedLines(
      {
        write: (bytes, done) => {
          if (isFull) return done(0, 'ENOSPC');
          pieces.push(bytes.toString());
          done(bytes.length, undefined);
        },
      },
      { writeBytesMax: 4, waitingBytesMax: 8 },
      { began: () => {}, ended: (dropped) => lines.write(`-${dropped}-\n`) },
    );
    for (const line of ['aaa\n', 'bbb\n', 'ccc\n', 'ddd\n']) lines.write(line);
    isFull = false;
    lines.flush();
    lines.write('e\n');
    lines.flush();
    expect(pieces.join('')).toBe('aaa\nbbb\nccc\n-1-\ne\n');
  });
});
