import { hash } from 'node:crypto';
import { StickyError } from '../../base/errors.js';

/** Longer texts are hashed: a store takes keys of 512 characters. */
const CHARACTERS_MAX = 400;

/** Where an entry is, here and in the store. */
export interface EntryKey {
  /**
   * What tier 1 calls it. An entry of no scope is called by its key alone, so that a hit composes no text.
   */
  readonly name: string;
  readonly storeKey: string;
  readonly partition: number;
  /** The index of its scope, as tier 1 calls it; undefined where it is in none. */
  readonly scope: string | undefined;
}

/** What a note of the feed, which is a key of the store, means to tier 1. */
export type NotedName = { readonly kind: 'entry' | 'tag'; readonly name: string };

// Keys of the store, behind `c:<name of the cache>:`
//   k:<key>                      an entry                            k#<hash>  one with a long key
//   u:<characters>:<user><key>   an entry of a user's scope          u#<hash>
//   t:<tag>                      the index of what has a tag         t#<hash>
//   s:<user>                     the index of a user's scope         s#<hash>
// Tier 1 calls the first kind `<key>`, other entries by `\0` and the key of the store, and indexes by the key
// of the store.
export const APART = '\0';

export class EntryKeys {
  readonly #prefix: string;
  readonly #partitions: number;

  constructor(cacheName: string, partitions: number) {
    this.#prefix = `c:${cacheName}:`;
    this.#partitions = partitions;
  }

  entry(key: string): EntryKey {
    checkText('A key', key);
    const name = entryName(key);
    return {
      name,
      storeKey: this.storeKey(name === key ? `k:${key}` : name.slice(1)),
      partition: this.#partitionOf(key),
      scope: undefined,
    };
  }

  scoped(user: string, key: string): EntryKey {
    checkText('A key', key);
    const text = named('u', `${user.length}:${user}${key}`);
    return {
      name: APART + text,
      storeKey: this.storeKey(text),
      partition: this.#partitionOf(user),
      scope: scopeName(user),
    };
  }

  /** Everything of a user is in one partition, so that one number says how much of it somebody has seen. */
  scopePartition(user: string): number {
    return this.#partitionOf(user);
  }

  storeKey(text: string): string {
    return this.#prefix + text;
  }

  read(note: string): NotedName | undefined {
    if (!note.startsWith(this.#prefix)) return undefined;
    const text = note.slice(this.#prefix.length);
    switch (text[0]) {
      case 'k':
        return { kind: 'entry', name: text[1] === ':' ? text.slice(2) : APART + text };
      case 'u':
        return { kind: 'entry', name: APART + text };
      case 't':
      case 's':
        return { kind: 'tag', name: text };
      default:
        return undefined;
    }
  }

  #partitionOf(text: string): number {
    return this.#partitions === 1 ? 0 : mixed(text) % this.#partitions;
  }
}

/**
 * A number would do as far as a template goes, and then the users 4 and 42 would share what they must not.
 */
export function checkText(what: string, text: string): void {
  if (typeof text !== 'string')
    throw new StickyError(
      'STICKY_CACHE_INVALID',
      `${what} of the cache must be a text. Write \`String(id)\` where it is a number.`,
    );
}

/** What tier 1 calls an entry of no scope. */
export function entryName(key: string): string {
  return key.length <= CHARACTERS_MAX && key.charCodeAt(0) !== 0 && isWellFormed(key)
    ? key
    : APART + named('k', key, true);
}

export function tagName(tag: string): string {
  return named('t', tag);
}

export function scopeName(user: string): string {
  return named('s', user);
}

function named(kind: string, text: string, isOdd = false): string {
  if (!isOdd && text.length <= CHARACTERS_MAX && isWellFormed(text)) return `${kind}:${text}`;
  // As UTF-16: half a surrogate pair has no UTF-8, and any two halves would become the same.
  return `${kind}#${hash('sha256', Buffer.from(text, 'utf16le'), 'base64url')}`;
}

function isWellFormed(text: string): boolean {
  return !/\p{Surrogate}/u.test(text);
}

/**
 * FNV-1a over UTF-16, and MurmurHash3's last step, without which its low bits are poor. Who floods one
 * partition floods the store.
 */
function mixed(text: string): number {
  let sum = 0x811c9dc5;
  for (let at = 0; at < text.length; at++) sum = Math.imul(sum ^ text.charCodeAt(at), 0x01000193);
  sum = Math.imul(sum ^ (sum >>> 16), 0x85ebca6b);
  sum = Math.imul(sum ^ (sum >>> 13), 0xc2b2ae35);
  return (sum ^ (sum >>> 16)) >>> 0;
}
