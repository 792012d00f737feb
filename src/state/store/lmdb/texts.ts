import { bareFields, type KeptRecord } from '../change-run.js';
import type { FeedNote } from '../feed-follower.js';

// Everything in the file is JSON, a list of plain values: quick to read, nothing in it can be run, and any
// tool can show it.

/** What a partition's numbers are. */
export interface Header {
  readonly format: number;
  readonly run: string;
  readonly sequence: number;
  readonly lastNoted: number;
  /** How many entries the log has. */
  readonly logged: number;
}

export function headerText({ format, run, sequence, lastNoted, logged }: Header): string {
  return JSON.stringify([format, run, sequence, lastNoted, logged]);
}

export function readPartitionHeader(text: string): Header | undefined {
  const [format, run, sequence, lastNoted, logged] = readList(text);
  if (
    !isNumber(format) ||
    typeof run !== 'string' ||
    !isNumber(sequence) ||
    !isNumber(lastNoted) ||
    !isNumber(logged)
  )
    return undefined;
  return { format, run, sequence, lastNoted, logged };
}

export function recordText({ fields, version, expiresAtMs, endsAtMs }: KeptRecord): string {
  const parts: (string | number)[] = [expiresAtMs, endsAtMs, version];
  for (const name of Object.keys(fields)) parts.push(name, fields[name]!);
  return JSON.stringify(parts);
}

export function readRecord(text: string): KeptRecord | undefined {
  const parts = readList(text);
  const [expiresAtMs, endsAtMs, version] = parts;
  if (!isNumber(expiresAtMs) || !isNumber(endsAtMs) || !isNumber(version) || parts.length % 2 !== 1)
    return undefined;
  const fields = bareFields();
  for (let at = 3; at < parts.length; at += 2) {
    const name = parts[at];
    const value = parts[at + 1];
    if (typeof name !== 'string' || typeof value !== 'string') return undefined;
    fields[name] = value;
  }
  return { fields, version, expiresAtMs, endsAtMs };
}

export function linkText(member: string, expiresAtMs: number): string {
  return JSON.stringify([expiresAtMs, member]);
}

export function readLink(
  text: string,
): { readonly member: string; readonly expiresAtMs: number } | undefined {
  const [expiresAtMs, member] = readList(text);
  return isNumber(expiresAtMs) && typeof member === 'string' ? { member, expiresAtMs } : undefined;
}

export function notedText(previous: number, notes: readonly string[]): string {
  return JSON.stringify([previous, ...notes]);
}

export function readLogNote(sequence: number, text: string): FeedNote | undefined {
  const [previous, ...notes] = readList(text);
  return isNumber(previous) && notes.every((note) => typeof note === 'string')
    ? { sequence, previous, notes }
    : undefined;
}

/** When a record or a link expires, without reading the rest of it; NaN where that can't be told. */
export function expiryOf(text: string): number {
  return Number(/^\[(\d+(?:\.\d+)?),/.exec(text)?.[1]);
}

function readList(text: string): readonly unknown[] {
  try {
    const parts: unknown = JSON.parse(text);
    return Array.isArray(parts) ? parts : [];
  } catch {
    return [];
  }
}

function isNumber(value: unknown): value is number {
  return typeof value === 'number';
}
