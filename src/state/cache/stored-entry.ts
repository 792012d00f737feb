import { wholeNumber } from '../../base/digits.js';
import type { Requirement } from '../store/change.js';
import type { RecordFields, StoredRecord } from '../store/record.js';

// The fields of an entry's record. What it holds is one of them, for a store reads one field faster than
// five. The others mark that it is being loaded; what they say besides `e` is also of the record that the
// load makes.
const ENTRY = 'e';
const NONCE = 'n';
const TAGS = 'k';
const LEASE = 'l';

// `e`: the format, what it is, its grace in ms, how many characters of tags follow, the tags as JSON, the
// text. Numbers to the base 36:
//   1v0.0.{"name":"Ada"}       a value without grace and tags
//   1vgoo.5.["t"]{"name":"Ada"} one with 21.6 s of grace and a tag
//   1a0.0.                      nothing
const FORMAT = '1';
const VALUE = 'v';
const ABSENCE = 'a';

/** What an entry holds: the text of a value, or the fact that there is none. */
export type Content = { readonly kind: 'value'; readonly text: string } | { readonly kind: 'absence' };

/** An entry as tier 2 has it. */
export interface StoredEntry {
  readonly version: number;
  /** Undefined: it only marks where a load is under way, or is nothing that this version reads. */
  readonly content: Content | undefined;
  /**
   * How long it still counts as fresh. After that, and until it expires, it stands in for a load that fails.
   */
  readonly freshMs: number;
  readonly expiresInMs: number;
  readonly tags: readonly string[];
  /**
   * Names the mark of a load: who has it can tell whether anything happened since. Undefined where nobody
   * loads it.
   */
  readonly nonce: string | undefined;
  /** Of a load whose turn it is, where loads take turns. */
  readonly isLeased: boolean;
  readonly isReadable: boolean;
}

export interface Mark {
  readonly nonce: string;
  readonly tags: readonly string[];
  readonly isLeased: boolean;
}

const NO_TAGS: readonly string[] = [];

export function entryFields(content: Content, graceMs: number, tags: readonly string[]): RecordFields {
  const tagsText = tags.length === 0 ? '' : JSON.stringify(tags);
  const head = `${FORMAT}${content.kind === 'value' ? VALUE : ABSENCE}${Math.round(graceMs).toString(36)}.${tagsText.length.toString(36)}.${tagsText}`;
  return { [ENTRY]: content.kind === 'value' ? head + content.text : head };
}

export function markFields({ nonce, tags, isLeased }: Mark): RecordFields {
  return {
    [NONCE]: nonce,
    ...(tags.length > 0 ? { [TAGS]: JSON.stringify(tags) } : {}),
    ...(isLeased ? { [LEASE]: '1' } : {}),
  };
}

export const LEASE_FIELDS: readonly string[] = [LEASE];

/** Not the version: those of a store that lost data come twice. */
export function isUntouched(storeKey: string, nonce: string): Requirement {
  return { kind: 'field', key: storeKey, field: NONCE, text: nonce };
}

/** Never throws: what is in a store may be of another version, or of somebody else. */
export function readEntry({ fields, version, expiresInMs }: StoredRecord): StoredEntry {
  const text = fields[ENTRY];
  const nonce = fields[NONCE];
  const entry = text === undefined ? undefined : readText(text);
  const markTags = nonce === undefined ? NO_TAGS : readTags(fields[TAGS]);
  return {
    version,
    content: entry?.content,
    freshMs: expiresInMs - (entry?.graceMs ?? 0),
    expiresInMs,
    tags: union(entry?.tags ?? NO_TAGS, markTags ?? NO_TAGS),
    nonce,
    isLeased: fields[LEASE] !== undefined,
    isReadable:
      markTags !== undefined && (entry !== undefined || (text === undefined && nonce !== undefined)),
  };
}

interface Written {
  readonly content: Content;
  readonly graceMs: number;
  readonly tags: readonly string[];
}

function readText(text: string): Written | undefined {
  const kind = text[1];
  const graceEnd = text.indexOf('.', 2);
  const lengthEnd = text.indexOf('.', graceEnd + 1);
  if (text[0] !== FORMAT || (kind !== VALUE && kind !== ABSENCE) || graceEnd === -1 || lengthEnd === -1)
    return undefined;
  const graceMs = wholeNumber(text.slice(2, graceEnd), 36);
  const tagsLength = wholeNumber(text.slice(graceEnd + 1, lengthEnd), 36);
  const textAt = lengthEnd + 1 + tagsLength;
  if (!(graceMs >= 0 && tagsLength >= 0 && textAt <= text.length)) return undefined;
  const tags = readTags(tagsLength === 0 ? undefined : text.slice(lengthEnd + 1, textAt));
  if (tags === undefined) return undefined;
  return {
    content: kind === VALUE ? { kind: 'value', text: text.slice(textAt) } : { kind: 'absence' },
    graceMs,
    tags,
  };
}

function readTags(text: string | undefined): readonly string[] | undefined {
  if (text === undefined) return NO_TAGS;
  try {
    const tags: unknown = JSON.parse(text);
    return Array.isArray(tags) && tags.every((tag) => typeof tag === 'string') ? tags : undefined;
  } catch {
    return undefined;
  }
}

export function union(some: readonly string[], others: readonly string[]): readonly string[] {
  if (others.length === 0) return some;
  return some.length === 0 ? others : [...new Set([...some, ...others])];
}
