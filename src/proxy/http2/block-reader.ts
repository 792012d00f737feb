import { CONTINUATION } from './frames.js';
import { HpackDecoder, type HpackSink } from './hpack-decoder.js';

/** What we let the peer refer to in later blocks (RFC 9113 §6.5.2): the default. */
const TABLE_BYTES_MAX = 4096;

/** Puts the frames of a header block together and decodes it. */
export class BlockReader<Block extends HpackSink> {
  stream = 0;
  hasEnded = false;
  /** A block is under way. */
  isOpen = false;
  readonly #decoder: HpackDecoder;
  readonly #create: (headBytesMax: number) => Block;
  #block: Block;
  #pieces: Buffer[] = [];
  #bytes = 0;
  #bytesMax = 0;
  #framesLeft = 0;

  constructor(create: (headBytesMax: number) => Block) {
    this.#create = create;
    this.#block = create(0);
    // A text has its own bound in that of the whole block.
    this.#decoder = new HpackDecoder(TABLE_BYTES_MAX, 2 ** 20);
  }

  /** Inside of a block only its CONTINUATIONs may come, and nowhere else (RFC 9113 §6.10). */
  mayFollow(type: number, stream: number): boolean {
    return this.isOpen ? type === CONTINUATION && stream === this.stream : type !== CONTINUATION;
  }

  begin(stream: number, hasEnded: boolean, headBytesMax: number, continuationsMax: number): void {
    this.stream = stream;
    this.hasEnded = hasEnded;
    this.isOpen = true;
    this.#block = this.#create(headBytesMax);
    this.#pieces = [];
    this.#bytes = 0;
    // A head that is too large is answered with 431; what is far too large isn't even kept.
    this.#bytesMax = headBytesMax * 4;
    this.#framesLeft = continuationsMax + 1;
  }

  /** False when there are too many frames or bytes. */
  add(bytes: Buffer, start: number, end: number): boolean {
    this.#bytes += end - start;
    if (--this.#framesLeft < 0 || this.#bytes > this.#bytesMax) return false;
    this.#pieces.push(bytes.subarray(start, end));
    return true;
  }

  /** The block is whole; `undefined` when it can't be decoded. */
  end(): Block | undefined {
    this.isOpen = false;
    const bytes = this.#pieces.length === 1 ? this.#pieces[0]! : Buffer.concat(this.#pieces);
    this.#pieces = [];
    return this.#decoder.decode(bytes, 0, bytes.length, this.#block) ? this.#block : undefined;
  }
}
