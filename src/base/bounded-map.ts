/**
 * A map that never holds more than `max` entries and costs two plain map operations a look-up. It keeps two
 * generations: when the young one has filled half the bound, the old one is dropped whole. What is used stays
 * (a hit in the old generation moves to the young one); what is not used for a generation goes.
 */
export class BoundedMap<K, V> {
  #young = new Map<K, V>();
  #old = new Map<K, V>();
  readonly #half: number;
  readonly #keyOf: ((value: V) => K) | undefined;

  /**
   * `keyOf` says where a value has its own copy of its key. Needed when look-ups use texts cut out of larger
   * ones: V8 keeps the whole request head alive for a slice of it, and a hit in the old generation would
   * store that slice.
   */
  constructor(max: number, keyOf?: (value: V) => K) {
    this.#half = Math.max(1, Math.floor(max / 2));
    this.#keyOf = keyOf;
  }

  get size(): number {
    return this.#young.size + this.#old.size;
  }

  get(key: K): V | undefined {
    const young = this.#young.get(key);
    if (young !== undefined) return young;
    const old = this.#old.get(key);
    if (old !== undefined) {
      this.#old.delete(key);
      this.set(this.#keyOf === undefined ? key : this.#keyOf(old), old);
    }
    return old;
  }

  set(key: K, value: V): void {
    if (this.#young.size >= this.#half && !this.#young.has(key)) {
      this.#old = this.#young;
      this.#young = new Map();
    }
    this.#young.set(key, value);
  }

  delete(key: K): void {
    this.#young.delete(key);
    this.#old.delete(key);
  }

  clear(): void {
    this.#young.clear();
    this.#old.clear();
  }
}
