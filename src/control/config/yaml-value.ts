import { isAlias, isMap, isScalar, isSeq, type Alias, type Document, type Pair, type YAMLMap } from 'yaml';

/** Keys and entries of a whole document, aliases written out: more than a file of a mebibyte needs. */
export const VALUES_MAX = 65_536;
/** Characters of a whole document, aliases written out. */
const CHARACTERS_MAX = 4 * 1024 * 1024;
/** A configuration needs six levels. */
const DEPTH_MAX = 64;

export const TOO_DEEP = 'is nested too deeply to be read. A configuration needs no more than six levels.';
const TOO_MANY = `holds more than ${VALUES_MAX} keys and entries. Write several files, one for each gateway.`;
const GROWS = `uses aliases (*name) to grow beyond ${VALUES_MAX} keys and entries, as an attack would. Write the values out.`;

/** Why a document has no value, and where in its text. */
export class NoValue extends Error {
  readonly offset: number | undefined;

  constructor(message: string, offset?: number) {
    super(message);
    this.name = 'NoValue';
    this.offset = offset;
  }
}

/** A key that stands twice in one map. */
export interface DoubleKey {
  readonly path: readonly PropertyKey[];
  readonly offset: number;
}

interface Built {
  readonly value: unknown;
  /** What it holds with everything in it. */
  readonly values: number;
  readonly characters: number;
}

/**
 * The plain value of a parsed document, in one walk: the time grows with the text, whatever stands in it. The
 * parser's own `toJS` and its check for unique keys look through the whole document for each alias and each
 * key. What an alias stands for is built once and shared, and counted each time.
 */
export class YamlValue {
  readonly doubleKeys: DoubleKey[] = [];
  readonly #anchors = new Map<string, unknown>();
  readonly #built = new Map<unknown, Built>();
  readonly #targets = new Map<Alias, unknown>();
  readonly #pairs = new Map<YAMLMap, Map<string, Pair>>();
  readonly #open = new Set<unknown>();
  readonly #path: PropertyKey[] = [];
  readonly #contents: unknown;
  readonly value: unknown;
  #written = 0;

  /** Throws NoValue. */
  constructor(document: Document.Parsed) {
    this.#contents = document.contents;
    this.value = this.#build(document.contents).value;
  }

  /** Where a path begins in the text, or the nearest thing around it that is there. */
  offsetOf(path: readonly PropertyKey[]): number | undefined {
    let node = this.#contents;
    let offset = offsetOf(node);
    for (const part of path) {
      if (isAlias(node)) node = this.#targets.get(node);
      if (isSeq(node)) {
        node = node.items[Number(part)];
        offset = offsetOf(node) ?? offset;
      } else if (isMap(node)) {
        const pair = this.#pairs.get(node)?.get(String(part));
        if (pair === undefined) break;
        offset = offsetOf(pair.key) ?? offset;
        node = pair.value;
      } else break;
    }
    return offset;
  }

  #build(node: unknown): Built {
    if (node === null || node === undefined) return { value: null, values: 0, characters: 0 };
    if (isAlias(node)) return this.#alias(node);
    if (this.#open.size >= DEPTH_MAX) throw new NoValue(TOO_DEEP);
    const { anchor } = node as { readonly anchor?: string };
    if (anchor !== undefined) this.#anchors.set(anchor, node);
    this.#open.add(node);
    const built = this.#ofNode(node);
    this.#open.delete(node);
    if (anchor !== undefined) this.#built.set(node, built);
    return built;
  }

  #ofNode(node: unknown): Built {
    if (isScalar(node)) {
      const characters = typeof node.value === 'string' ? node.value.length : 0;
      return { value: node.value, values: 0, characters };
    }
    if (isSeq(node)) {
      const items = node.items.map((item, index) => this.#inner(item, index));
      return { value: items.map(({ value }) => value), ...this.#sum(items) };
    }
    if (isMap(node)) return this.#map(node);
    throw new NoValue('holds something that is no value. Write keys, lists and texts.', offsetOf(node));
  }

  #map(map: YAMLMap): Built {
    const pairs = new Map<string, Pair>();
    this.#pairs.set(map, pairs);
    const own: [string, unknown][] = [];
    const inner: Built[] = [];
    const merged: Built[] = [];
    for (const pair of map.items) {
      if (!isScalar(pair.key))
        throw new NoValue('has a key that is not text. Write a name.', offsetOf(pair.key));
      const key = String(pair.key.value);
      if (pairs.has(key))
        this.doubleKeys.push({ path: [...this.#path, key], offset: offsetOf(pair.key) ?? 0 });
      pairs.set(key, pair);
      const built = this.#inner(pair.value, key);
      inner.push({ ...built, characters: built.characters + key.length });
      if (key === '<<' && (pair.key.type === undefined || pair.key.type === 'PLAIN')) merged.push(built);
      else own.push([key, built.value]);
    }
    const sum = this.#sum(inner);
    // Of several merged maps the first counts, and what stands in the map itself before all of them.
    const sources = merged.flatMap(({ value }) => (Array.isArray(value) ? (value as unknown[]) : [value]));
    const entries = sources
      .reverse()
      .flatMap((source) => (typeof source === 'object' && source !== null ? Object.entries(source) : []));
    return { value: Object.fromEntries([...entries, ...own]), ...sum };
  }

  #inner(node: unknown, part: PropertyKey): Built {
    if (++this.#written > VALUES_MAX) throw new NoValue(TOO_MANY);
    this.#path.push(part);
    const built = this.#build(node);
    this.#path.pop();
    return built;
  }

  #sum(parts: readonly Built[]): { readonly values: number; readonly characters: number } {
    let values = parts.length;
    let characters = 0;
    for (const part of parts) {
      values += part.values;
      characters += part.characters;
    }
    if (values > VALUES_MAX || characters > CHARACTERS_MAX) throw new NoValue(GROWS);
    return { values, characters };
  }

  #alias(alias: Alias): Built {
    const target = this.#anchors.get(alias.source);
    if (target === undefined)
      throw new NoValue(
        'uses an alias (*name) before its anchor (&name), or without one. Put the anchor first, or quote a text that begins with *.',
        offsetOf(alias),
      );
    if (this.#open.has(target))
      throw new NoValue(
        'uses an alias (*name) inside of what it stands for. Write the value out.',
        offsetOf(alias),
      );
    this.#targets.set(alias, target);
    return this.#built.get(target)!;
  }
}

function offsetOf(node: unknown): number | undefined {
  return (node as { readonly range?: readonly [number, number, number] } | null | undefined)?.range?.[0];
}
