import { greatestOf, Word64 } from './word64.js';
import { SLOT_HASH, SLOT_LENGTH, SLOT_PREFIX, xxh64Wasm } from './xxh64-wasm.js';
import { xxh64 } from './xxh64.js';

/** What is used of WebAssembly; the types for Node 20 leave it out. */
declare const WebAssembly: {
  Module: new (bytes: Uint8Array) => object;
  Instance: new (module: object) => { readonly exports: unknown };
};

interface Program {
  run(slot: number, slotsEnd: number, slotBytes: number, suffix: number, suffixBytes: number): number;
  readonly memory: { readonly buffer: ArrayBuffer; grow(pages: number): number };
}

const SUFFIX_BYTES_MAX = 256;
const PAGE_BYTES = 65_536;

/** The same for all, and compiled when it is first wanted. */
let module: object | undefined;
/** A second try could take long: V8 looks for address space for a sixth of a second. */
let isRefused = false;

/** XXH64 (seed 0) of each of many prefixes with one suffix behind it, all byte strings. */
export class Xxh64Each {
  /** What `hash` found, in halves. */
  readonly highs: Int32Array;
  readonly lows: Int32Array;
  readonly #prefixes: readonly string[];
  readonly #slots: Slots | undefined;
  readonly #word = new Word64();

  constructor(prefixes: readonly string[]) {
    this.highs = new Int32Array(prefixes.length);
    this.lows = new Int32Array(prefixes.length);
    this.#prefixes = prefixes;
    if (isRefused) return;
    try {
      this.#slots = new Slots(prefixes);
    } catch {
      // No WebAssembly (`node --jitless`), or no address space for its memory (`ulimit -v`): the same hashes,
      // more slowly.
      isRefused = true;
    }
  }

  get isCompiled(): boolean {
    return this.#slots !== undefined;
  }

  /** Which prefix makes the greatest hash, the first of equals; -1 if all are 0. */
  greatest(suffix: string): number {
    if (this.#slots !== undefined && suffix.length <= SUFFIX_BYTES_MAX) return this.#slots.greatest(suffix);
    this.hash(suffix);
    return greatestOf(this.highs, this.lows);
  }

  hash(suffix: string): void {
    if (this.#slots !== undefined && suffix.length <= SUFFIX_BYTES_MAX) {
      this.#slots.greatest(suffix);
      this.#slots.copy(this.highs, this.lows);
      return;
    }
    const word = this.#word;
    for (const [i, prefix] of this.#prefixes.entries()) {
      xxh64(prefix + suffix, 0, word);
      this.highs[i] = word.high;
      this.lows[i] = word.low;
    }
  }
}

/**
 * The program's memory: zeros as long as the longest prefix, the suffix, and a slot for each prefix.
 * WebAssembly is little-endian wherever it runs.
 */
class Slots {
  readonly #run: Program['run'];
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #suffix: number;
  readonly #slot: number;
  readonly #slotsEnd: number;
  readonly #slotBytes: number;

  constructor(prefixes: readonly string[]) {
    module ??= new WebAssembly.Module(xxh64Wasm());
    const { run, memory } = new WebAssembly.Instance(module).exports as Program;
    this.#run = run;
    this.#suffix = prefixes.reduce((longest, { length }) => Math.max(longest, length), 0);
    this.#slot = this.#suffix + SUFFIX_BYTES_MAX;
    this.#slotBytes = SLOT_PREFIX + this.#suffix + SUFFIX_BYTES_MAX;
    this.#slotsEnd = this.#slot + prefixes.length * this.#slotBytes;
    memory.grow(Math.max(0, Math.ceil(this.#slotsEnd / PAGE_BYTES) - 1));
    this.#bytes = new Uint8Array(memory.buffer);
    this.#view = new DataView(memory.buffer);
    prefixes.forEach((prefix, i) => {
      const slot = this.#slot + i * this.#slotBytes;
      this.#view.setInt32(slot + SLOT_LENGTH, prefix.length, true);
      this.#bytes.set(Buffer.from(prefix, 'latin1'), slot + SLOT_PREFIX);
    });
  }

  greatest(suffix: string): number {
    const bytes = this.#bytes;
    const start = this.#suffix;
    for (let at = 0; at < suffix.length; at++) bytes[start + at] = suffix.charCodeAt(at);
    const slot = this.#run(this.#slot, this.#slotsEnd, this.#slotBytes, start, suffix.length);
    return slot === 0 ? -1 : (slot - this.#slot) / this.#slotBytes;
  }

  copy(highs: Int32Array, lows: Int32Array): void {
    for (let i = 0, at = this.#slot + SLOT_HASH; at < this.#slotsEnd; i++, at += this.#slotBytes) {
      lows[i] = this.#view.getInt32(at, true);
      highs[i] = this.#view.getInt32(at + 4, true);
    }
  }
}
