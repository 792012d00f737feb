import { decodedBytesMax, decodeHuffman } from './huffman.js';
import { STATIC_ENTRIES, STATIC_NAMES, STATIC_VALUES } from './static-table.js';

/** Takes the fields of a header block, in order. Texts are latin1, one character a byte. */
export interface HpackSink {
  hpackField(name: string, value: string): void;
}

/** What a field counts beside its bytes (RFC 7541 §4.1). */
const FIELD_OVERHEAD = 32;

/**
 * An integer above this is refused: no length or index of ours comes near (RFC 7541 §5.1 asks for a limit).
 */
const INTEGER_MAX = 2 ** 24;

/**
 * Huffman-coded texts are decoded here. It grows to the largest one of the process, which `textBytesMax`
 * bounds.
 */
let scratch = Buffer.alloc(4096);

/**
 * Decodes header blocks of one connection (RFC 7541). A block that can't be decoded leaves the table in
 * doubt: it ends the connection (COMPRESSION_ERROR). A sink that has had enough must go on taking fields and
 * drop them, because later blocks refer to what this one adds.
 */
export class HpackDecoder {
  /** What we announced (SETTINGS_HEADER_TABLE_SIZE); the peer may choose less. */
  readonly #tableBytesMax: number;
  readonly #textBytesMax: number;
  #tableBytesNow: number;
  /** The dynamic table, newest last; entries before `#oldest` are evicted. */
  #names: string[] = [];
  #values: string[] = [];
  #oldest = 0;
  #tableBytes = 0;

  #bytes: Buffer = scratch;
  #at = 0;
  #end = 0;
  #isBroken = false;

  /** `textBytesMax`: a name or value longer than this breaks the block. */
  constructor(tableBytesMax: number, textBytesMax: number) {
    this.#tableBytesMax = tableBytesMax;
    this.#tableBytesNow = tableBytesMax;
    this.#textBytesMax = textBytesMax;
  }

  /** Decodes a whole block; false when it is broken. */
  decode(bytes: Buffer, start: number, end: number, sink: HpackSink): boolean {
    this.#bytes = bytes;
    this.#at = start;
    this.#end = end;
    this.#isBroken = false;
    let mayResize = true;
    while (this.#at < end && !this.#isBroken) {
      const first = bytes[this.#at]!;
      if (first >= 0x80) this.#indexed(this.#integer(7), sink);
      else if (first >= 0x40) this.#literal(6, true, sink);
      else if (first >= 0x20) {
        // Only at the start of a block (§4.2).
        const size = this.#integer(5);
        if (!mayResize || size > this.#tableBytesMax) return false;
        this.#tableBytesNow = size;
        this.#evict(0);
        continue;
      } else this.#literal(4, false, sink);
      mayResize = false;
    }
    this.#bytes = scratch;
    return !this.#isBroken;
  }

  #indexed(index: number, sink: HpackSink): void {
    if (this.#isBroken || !this.#has(index)) this.#isBroken = true;
    else sink.hpackField(this.#nameAt(index), this.#valueAt(index));
  }

  #literal(prefix: number, isIndexed: boolean, sink: HpackSink): void {
    const index = this.#integer(prefix);
    if (index !== 0 && !this.#has(index)) this.#isBroken = true;
    if (this.#isBroken) return;
    const name = index === 0 ? this.#text() : this.#nameAt(index);
    const value = this.#text();
    if (this.#isBroken) return;
    if (isIndexed) this.#add(name, value);
    sink.hpackField(name, value);
  }

  #has(index: number): boolean {
    return index > 0 && index <= STATIC_ENTRIES + this.#names.length - this.#oldest;
  }
  #nameAt(index: number): string {
    return index <= STATIC_ENTRIES
      ? STATIC_NAMES[index]!
      : this.#names[this.#names.length - (index - STATIC_ENTRIES)]!;
  }
  #valueAt(index: number): string {
    return index <= STATIC_ENTRIES
      ? STATIC_VALUES[index]!
      : this.#values[this.#values.length - (index - STATIC_ENTRIES)]!;
  }

  #add(name: string, value: string): void {
    const size = name.length + value.length + FIELD_OVERHEAD;
    this.#evict(size);
    // An entry larger than the table empties it, and that is no error (§4.4).
    if (size > this.#tableBytesNow) return;
    this.#names.push(name);
    this.#values.push(value);
    this.#tableBytes += size;
  }

  /** Makes room for `size` bytes. */
  #evict(size: number): void {
    while (this.#tableBytes + size > this.#tableBytesNow && this.#oldest < this.#names.length) {
      this.#tableBytes -=
        this.#names[this.#oldest]!.length + this.#values[this.#oldest]!.length + FIELD_OVERHEAD;
      this.#names[this.#oldest] = '';
      this.#values[this.#oldest] = '';
      this.#oldest++;
    }
    if (this.#oldest === 0 || this.#oldest * 2 < this.#names.length) return;
    this.#names = this.#names.slice(this.#oldest);
    this.#values = this.#values.slice(this.#oldest);
    this.#oldest = 0;
  }

  /** An integer with a prefix of so many bits (§5.1). */
  #integer(prefix: number): number {
    const mask = (1 << prefix) - 1;
    let value = this.#bytes[this.#at++]! & mask;
    if (value < mask) return value;
    for (let shift = 0; this.#at < this.#end && shift <= 21; shift += 7) {
      const byte = this.#bytes[this.#at++]!;
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80 && value <= INTEGER_MAX) return value;
    }
    this.#isBroken = true;
    return 0;
  }

  /** A text with its length (§5.2). */
  #text(): string {
    if (this.#isBroken || this.#at >= this.#end) {
      this.#isBroken = true;
      return '';
    }
    const isHuffman = this.#bytes[this.#at]! >= 0x80;
    const length = this.#integer(7);
    const start = this.#at;
    if (this.#isBroken || length > this.#end - start || length > this.#textBytesMax) {
      this.#isBroken = true;
      return '';
    }
    this.#at += length;
    if (!isHuffman) return this.#bytes.toString('latin1', start, this.#at);
    const most = decodedBytesMax(length);
    if (most > scratch.length) scratch = Buffer.alloc(most);
    const decoded = decodeHuffman(this.#bytes, start, this.#at, scratch);
    if (decoded === -1) this.#isBroken = true;
    return decoded <= 0 ? '' : scratch.toString('latin1', 0, decoded);
  }
}
