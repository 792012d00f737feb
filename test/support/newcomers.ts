import { connect } from 'node:net';

/** What became of requests, each over a connection of its own. */
export interface Fates {
  answered: number;
  refused: number;
  /** Connected, and then no whole answer: how each ended. */
  readonly lost: string[];
}

/**
 * Clients of which each opens a new connection for every request, the next as soon as it is answered. One
 * leaves when it is refused, unless `isStubborn`: then it knocks again until `stop`.
 */
export class Newcomers {
  readonly fates: Fates = { answered: 0, refused: 0, lost: [] };
  readonly #port: number;
  readonly #isStubborn: boolean;
  readonly #paths: Promise<void>[];
  #isOver = false;

  constructor(port: number, count: number, isStubborn = false) {
    this.#port = port;
    this.#isStubborn = isStubborn;
    this.#paths = Array.from({ length: count }, () => this.#come());
  }

  async stop(): Promise<Fates> {
    this.#isOver = true;
    return await this.gone();
  }

  /** When all have left. */
  async gone(): Promise<Fates> {
    await Promise.all(this.#paths);
    return this.fates;
  }

  async #come(): Promise<void> {
    while (!this.#isOver) {
      const fate = await this.#ask();
      if (fate === 'answered') this.fates.answered++;
      else if (fate === 'ECONNREFUSED') {
        this.fates.refused++;
        if (!this.#isStubborn) return;
      } else this.fates.lost.push(fate);
    }
  }

  #ask(): Promise<string> {
    return new Promise((resolve) => {
      const socket = connect(this.#port, '127.0.0.1');
      let received = '';
      socket.setEncoding('latin1');
      socket.on('connect', () => socket.write('GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n'));
      socket.on('data', (text: string) => (received += text));
      socket.on('error', ({ code }: NodeJS.ErrnoException) => resolve(code ?? 'error'));
      socket.on('close', () => resolve(received.startsWith('HTTP/1.1 200 ') ? 'answered' : `[${received}]`));
    });
  }
}
