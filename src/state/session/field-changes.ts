import { fieldKey } from './record-format.js';

/** Fields to write, by name; undefined: to delete. */
type FieldChanges = ReadonlyMap<string, string | undefined>;

export function applyChanges(fields: Map<string, string>, changes: FieldChanges): void {
  for (const [name, text] of changes) {
    if (text === undefined) fields.delete(name);
    else fields.set(name, text);
  }
}

/** What all fields but `without` come to, once the changes are made. */
export function changedBytes(
  fields: ReadonlyMap<string, string>,
  changes: FieldChanges | undefined,
  without: string,
): number {
  let bytes = 0;
  for (const [name, text] of fields)
    if (name !== without && changes?.has(name) !== true)
      bytes += Buffer.byteLength(text) + Buffer.byteLength(name);
  if (changes === undefined) return bytes;
  for (const [name, text] of changes)
    if (name !== without && text !== undefined) bytes += Buffer.byteLength(text) + Buffer.byteLength(name);
  return bytes;
}

/** As a step of a store's change has them. */
export function writeChanges(changes: FieldChanges): {
  readonly set: Record<string, string>;
  readonly unset: string[];
} {
  const set: Record<string, string> = {};
  const unset: string[] = [];
  for (const [name, text] of changes) {
    if (text === undefined) unset.push(fieldKey(name));
    else set[fieldKey(name)] = text;
  }
  return { set, unset };
}
