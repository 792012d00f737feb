import { bareFields } from '../change-run.js';
import type { FeedNote } from '../feed-follower.js';
import type { RecordFields } from '../record.js';

/** A record as its hash tells it. */
export interface HashRecord {
  readonly fields: RecordFields;
  readonly version: number;
  /** By the server's clock. */
  readonly expiresAtMs: number;
  readonly endsAtMs: number;
}

const HASH_SIGN = 35;

/** `undefined`: there is none. `'strange'`: what is there is none of ours. */
export function hashRecord(reply: unknown): HashRecord | undefined | 'strange' {
  const parts = flat(reply);
  if (parts === undefined) return 'strange';
  if (parts.length === 0) return undefined;
  const fields = bareFields();
  let version = NaN;
  let expiresAtMs = NaN;
  let endsAtMs = NaN;
  for (let at = 0; at < parts.length; at += 2) {
    const name = text(parts[at]);
    const value = text(parts[at + 1]);
    if (name.charCodeAt(0) !== HASH_SIGN) fields[name] = value;
    else if (name === '#v') version = replyNumber(value);
    else if (name === '#x') expiresAtMs = replyNumber(value);
    else if (name === '#e') endsAtMs = replyNumber(value);
  }
  if (Number.isNaN(version) || Number.isNaN(expiresAtMs) || Number.isNaN(endsAtMs)) return 'strange';
  return { fields, version, expiresAtMs, endsAtMs };
}

/** The reply of a script of ours: its first two parts are the outcome and the server's time. */
export interface ScriptReply {
  readonly outcome: string;
  readonly nowMs: number;
  readonly parts: readonly unknown[];
}

export function scriptReply(reply: unknown): ScriptReply {
  const parts = list(reply);
  return { outcome: text(parts[0]), nowMs: replyNumber(text(parts[1])), parts: parts.slice(2) };
}

export function list(reply: unknown): readonly unknown[] {
  return Array.isArray(reply) ? (reply as unknown[]) : [];
}

/** Clients can be told to give bytes, or texts for numbers. */
export function text(part: unknown): string {
  if (typeof part === 'string') return part;
  if (part === undefined || part === null) return '';
  return Buffer.isBuffer(part) ? part.toString('utf8') : `${part as number}`;
}

/** NaN unless it is digits and nothing else. */
export function replyNumber(digits: string): number {
  return /^\d{1,16}$/.test(digits) ? Number(digits) : NaN;
}

/** A map comes as a list of names and values, as an object or as a Map, by client and protocol. */
function flat(reply: unknown): readonly unknown[] | undefined {
  if (Array.isArray(reply)) return reply as unknown[];
  if (reply instanceof Map) return [...reply].flat();
  return typeof reply === 'object' && reply !== null ? Object.entries(reply).flat() : undefined;
}

/** A note of the log or of the channel; undefined where it is none of ours. */
export function readPushedNote(sequence: string, previous: string, notes: string): FeedNote | undefined {
  const noted = { sequence: replyNumber(sequence), previous: replyNumber(previous), notes: texts(notes) };
  return Number.isNaN(noted.sequence) || Number.isNaN(noted.previous) || noted.notes === undefined
    ? undefined
    : { ...noted, notes: noted.notes };
}

function texts(json: string): readonly string[] | undefined {
  try {
    const parts: unknown = JSON.parse(json);
    return Array.isArray(parts) && parts.every((part) => typeof part === 'string') ? parts : undefined;
  } catch {
    return undefined;
  }
}
