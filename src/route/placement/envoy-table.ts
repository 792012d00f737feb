import { remainder, Word64 } from '../hash/word64.js';
import { xxh64 } from '../hash/xxh64.js';
import { ENVOY_DEFAULTS, envoyHashKeys, envoyHosts, type EnvoyHostOptions } from './envoy-hosts.js';
import { isTableSize, TABLE_SIZE_DEFAULT, TABLE_SIZE_WANTED } from './maglev-table.js';
import { invalidPlacement, isSameMembers } from './members.js';
import type { Member, Placement } from './placement.js';

export interface EnvoyTableOptions extends EnvoyHostOptions {
  readonly tableSize: number;
}

export const ENVOY_TABLE_DEFAULTS: EnvoyTableOptions = { ...ENVOY_DEFAULTS, tableSize: TABLE_SIZE_DEFAULT };

const FREE = 0xffff;
const hash = new Word64();

/** Envoy's Maglev (maglev_lb.cc). A host that is down is taken out, and the table filled anew by the rest. */
export class EnvoyTable implements Placement {
  readonly name = 'envoyMaglev';
  readonly members: readonly Member[];
  readonly #options: EnvoyTableOptions;
  readonly #hashKeys: readonly string[];
  readonly #table: Uint16Array;
  /** How many hosts have an entry. */
  readonly #owners: number;
  readonly #passedOver: ReadonlySet<number>;
  /** True until `among` says otherwise. */
  readonly #isWhole: boolean;

  constructor(members: readonly Member[], options: EnvoyTableOptions, isUsable?: (index: number) => boolean) {
    const { tableSize } = options;
    if (!isTableSize(tableSize))
      throw invalidPlacement(`\`tableSize\` is ${String(tableSize)}: it must be ${TABLE_SIZE_WANTED}.`);
    this.members = members;
    this.#isWhole = isUsable === undefined;
    this.#options = options;
    this.#hashKeys = envoyHashKeys(members, options);
    const { spread, passedOver } = envoyHosts(members, options, isUsable);
    this.#passedOver = passedOver;
    this.#table = this.#fill(spread);
    this.#owners = new Set(this.#table).size;
  }

  owner(key: string): number {
    xxh64(key, 0, hash);
    const owner = this.#table[remainder(hash.high, hash.low, this.#table.length)] ?? -1;
    return this.#passedOver.has(owner) ? (this.#ranked(key, 1)[0] ?? -1) : owner;
  }

  rank(key: string): ArrayLike<number> {
    return this.#ranked(key, this.members.length);
  }

  withMembers(members: readonly Member[]): EnvoyTable {
    return this.#isWhole && isSameMembers(this.members, members)
      ? this
      : new EnvoyTable(members, this.#options);
  }

  among(isUsable: (index: number) => boolean): EnvoyTable {
    return new EnvoyTable(this.members, this.#options, isUsable);
  }

  /**
   * Attempt a of Envoy turns the bits of the hash that are set in -a. Attempts up to a power of two at or
   * above the table's size look at that many entries in a row, so they meet everybody who has one.
   */
  #ranked(key: string, limit: number): number[] {
    xxh64(key, 0, hash);
    const { high, low } = hash;
    const table = this.#table;
    const isMet = new Uint8Array(this.members.length);
    const ranked: number[] = [];
    let met = 0;
    for (let attempt = 0; met < this.#owners && ranked.length < limit; attempt++) {
      const owner = table[remainder(attempt === 0 ? high : ~high, low ^ -attempt, table.length)]!;
      if (isMet[owner] === 1) continue;
      isMet[owner] = 1;
      met++;
      if (!this.#passedOver.has(owner)) ranked.push(owner);
    }
    return ranked;
  }

  /**
   * In the order of what is hashed, whatever the configuration's: each in turn takes its next free entry, the
   * lighter ones not in every turn.
   */
  #fill(spread: readonly number[]): Uint16Array {
    const keys = this.#hashKeys;
    const indexes = [...spread].sort((a, b) => (keys[a]! < keys[b]! ? -1 : 1));
    const size = this.#options.tableSize;
    if (indexes.length === 0) return new Uint16Array(0);
    const sum = indexes.reduce((total, index) => total + this.members[index]!.weight, 0);
    const weights = indexes.map((index) => this.members[index]!.weight / sum);
    const heaviest = Math.max(...weights);
    const next = indexes.map((index) => {
      xxh64(keys[index]!, 0, hash);
      return remainder(hash.high, hash.low, size);
    });
    const steps = indexes.map((index) => {
      xxh64(keys[index]!, 1, hash);
      return remainder(hash.high, hash.low, size - 1) + 1;
    });
    const due = new Float64Array(indexes.length);
    const table = new Uint16Array(size).fill(FREE);
    for (let turn = 1, free = size; ; turn++) {
      for (let at = 0; at < indexes.length; at++) {
        if (turn * weights[at]! < due[at]!) continue;
        due[at]! += heaviest;
        let entry = next[at]!;
        while (table[entry] !== FREE) entry = (entry + steps[at]!) % size;
        table[entry] = indexes[at]!;
        next[at] = (entry + steps[at]!) % size;
        if (--free === 0) return table;
      }
    }
  }
}
