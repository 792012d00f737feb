import type { RecordFields, StoredRecord } from '../store/record.js';
import { parseRef, refText, type SessionRef } from './session-id.js';

/** What a session's record says. */
export interface SessionContent {
  readonly user: string | undefined;
  /** What the app noted of the device, as JSON. */
  readonly device: string | undefined;
  /** How long it may live in all, from its beginning. */
  readonly absoluteMs: number;
  /** The app's fields, each as JSON. */
  readonly fields: ReadonlyMap<string, string>;
}

/** Where a session went on. */
export interface Forward {
  readonly to: SessionRef;
  /**
   * `renewed`: an old id, which still stands for all of it. `left`: an old id from before somebody logged in,
   * and who holds it need not be the one; it shows what it showed before. `alias`: another id of the same
   * session, as good as its own.
   */
  readonly kind: 'renewed' | 'left' | 'alias';
}

/** A session as it was read. */
export interface LoadedSession {
  readonly content: SessionContent;
  readonly forward: Forward | undefined;
  readonly version: number;
  readonly expiresInMs: number;
  readonly endsInMs: number;
}

const FORMAT = '1';
const FIELD = 'f:';

export const FORWARD_FIELD = 'to';

export function fieldKey(name: string): string {
  return FIELD + name;
}

export function writeContent({ user, device, absoluteMs, fields }: SessionContent): Record<string, string> {
  const record: Record<string, string> = { v: FORMAT, a: String(absoluteMs) };
  if (user !== undefined) record['u'] = user;
  if (device !== undefined) record['i'] = device;
  for (const [name, text] of fields) record[FIELD + name] = text;
  return record;
}

const KINDS = { left: '0', renewed: '1', alias: '2' } satisfies Record<Forward['kind'], string>;

/** The record that stays under the old id for a while. */
export function writeForward(old: SessionContent, { to, kind }: Forward): RecordFields {
  const shown = kind === 'left' ? old : { ...old, fields: new Map<string, string>() };
  return { ...writeContent(shown), [FORWARD_FIELD]: refText(to), w: KINDS[kind] };
}

/**
 * Undefined for a record that is not a session's, or of a version that this one doesn't know: it counts as
 * absent and is left alone.
 */
export function readSession(record: StoredRecord): LoadedSession | undefined {
  const { fields, version, expiresInMs, endsInMs } = record;
  const absoluteMs = Number(fields['a']);
  if (fields['v'] !== FORMAT || !(absoluteMs > 0)) return undefined;
  const forward = readForward(fields);
  if (forward === null) return undefined;
  const own = new Map<string, string>();
  for (const name in fields) if (name.startsWith(FIELD)) own.set(name.slice(FIELD.length), fields[name]!);
  const content = { user: fields['u'], device: fields['i'], absoluteMs, fields: own };
  return { content, forward, version, expiresInMs, endsInMs };
}

function readForward(fields: RecordFields): Forward | undefined | null {
  const text = fields[FORWARD_FIELD];
  if (text === undefined) return undefined;
  const to = parseRef(text);
  if (to === undefined) return null;
  const { w } = fields;
  return { to, kind: w === KINDS.renewed ? 'renewed' : w === KINDS.alias ? 'alias' : 'left' };
}
