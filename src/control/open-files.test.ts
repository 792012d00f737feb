import { describe, expect, it } from 'vitest';
import { readConfig } from './config/load.js';
import { limitsWithin, openFilesMax, openFilesWarning } from './open-files.js';

const config = (connections: number, upstreams = 3, health?: object) =>
  readConfig({
    upstreams: Array.from({ length: upstreams }, (_, at) => `http://127.0.0.1:${3001 + at}`),
    limits: { connections },
    ...(health !== undefined && { health }),
  });

describe('limits under the limit of open files', () => {
  it('stay as they are where there is room', () => {
    expect(limitsWithin(config(10_000), 65_536)).toEqual(config(10_000).limits);
    expect(openFilesWarning(config(10_000), 65_536)).toBeUndefined();
    expect(limitsWithin(config(10_000), Infinity)).toEqual(config(10_000).limits);
  });

  it.each([64, 100, 260, 1024, 4096, 20_000])(
    '%i files: every client finds one for its upstream',
    (files) => {
      for (const upstreams of [1, 3, 1000])
        for (const health of [undefined, { path: '/' }]) {
          const read = config(10_000, upstreams, health);
          const { connectionsMax, upstreamIdleMax } = limitsWithin(read, files);
          expect(connectionsMax).toBeGreaterThan(0);
          expect(2 * connectionsMax + upstreamIdleMax * upstreams).toBeLessThan(files - 24 + 10);
          if (connectionsMax < 9000)
            expect(openFilesWarning(read, files)).toContain(`takes ${connectionsMax} connections`);
        }
    },
  );

  it('the number that the warning names is enough', () => {
    for (const upstreams of [1, 3, 40])
      for (const connections of [100, 10_000]) {
        const read = config(connections, upstreams);
        const warning = openFilesWarning(read, 64)!;
        const needed = Number(/ulimit -n (\d+)/.exec(warning)![1]);
        expect(openFilesWarning(read, needed)).toBeUndefined();
        expect(limitsWithin(read, needed).connectionsMax).toBe(connections);
        expect(limitsWithin(read, needed - 2 * upstreams - 8).connectionsMax).toBeLessThan(connections);
      }
  });

  it('the limit of this process is known', () => {
    expect(openFilesMax()).toBeGreaterThan(32);
  });
});
