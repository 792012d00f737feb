import type { RawClient } from '../support/raw-client.js';
import { until } from '../support/until.js';

const MiB = 1024 * 1024;

/** What the kernel's buffers on the way (two connections) and the gateway's own may hold. */
export const HELD_BYTES_MAX = 24 * MiB;

/** Waits until a number has stopped growing: the same in 20 looks, one after the other. */
export async function settled(what: string, count: () => number): Promise<number> {
  let last = -1;
  let same = 0;
  return await until(what, () => {
    same = count() === last ? same + 1 : 0;
    last = count();
    return same === 20 && last > 0 ? last : undefined;
  });
}

/** Writes the piece again and again until the gateway takes no more; answers how many bytes it took. */
export async function fill(client: RawClient, piece: Buffer): Promise<number> {
  const more = (): void => {
    while (client.socket.writableLength < MiB) client.write(piece);
  };
  client.socket.on('drain', more);
  more();
  const taken = await settled(
    'the gateway to stop reading',
    () => client.socket.bytesWritten - client.socket.writableLength,
  );
  client.socket.off('drain', more);
  return taken;
}
