import type { Server } from 'node:http';
import type { Socket } from 'node:net';

const CONNECTIONS_MAX = 128;

/**
 * Bounds the connections of the admin listener so that an operator always comes in: when there are too many,
 * the oldest one goes that nothing is being done for.
 */
export class AdminConnections {
  /** The oldest first. */
  readonly #open = new Set<Socket>();
  readonly #busy = new Set<Socket>();

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#open.add(socket);
      socket.once('close', () => {
        this.#open.delete(socket);
        this.#busy.delete(socket);
      });
      if (this.#open.size <= CONNECTIONS_MAX) return;
      const idle = [...this.#open].find((each) => !this.#busy.has(each));
      (idle ?? socket).destroy();
    });
  }

  /** A request that was let in is being answered there. */
  begin(socket: Socket): void {
    this.#busy.add(socket);
  }

  end(socket: Socket): void {
    this.#busy.delete(socket);
  }
}
