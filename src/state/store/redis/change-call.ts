import { freesRoom, type Change, type Requirement, type Step } from '../change.js';
import type { RecordFields } from '../record.js';
import type { PartitionKeys } from './keys.js';

/** A change as the script takes it: `KEYS` and `ARGV`, every token a text. */
export interface ChangeCall {
  readonly keys: readonly string[];
  readonly tokens: readonly string[];
}

/** What stands before the tokens of every change. */
export interface ChangeHead {
  readonly layout: string;
  readonly run: string;
  readonly partition: number;
  readonly channel: string;
  readonly logMax: number;
  readonly logMs: number;
  /** By the server's clock: no more run after it. */
  readonly notAfterMs: number;
  /** How long the mark of a change is kept that may be sent twice. */
  readonly markMs: number | undefined;
}

export function changeCall(of: PartitionKeys, id: string, head: ChangeHead, change: Change): ChangeCall {
  const { requires = [], steps, notes = [] } = change;
  const call = new Call([of.header, of.log, of.mark(id)]);
  const { layout, run, partition, channel, logMax, logMs, notAfterMs, markMs } = head;
  call.add(
    layout,
    run,
    `${partition}`,
    channel,
    `${logMax}`,
    `${logMs}`,
    notAfterMs.toFixed(0),
    markMs === undefined ? '' : `${markMs}`,
    freesRoom(change) ? '1' : '',
  );
  call.add(`${requires.length}`);
  for (const requirement of requires) addRequirement(call, of, requirement);
  const written = new Set(
    steps.flatMap((step) => (step.kind === 'put' ? [call.place(of.record(step.key))] : [])),
  );
  const indexes = new Set(
    steps.flatMap((step) => ('index' in step ? [call.place(of.index(step.index))] : [])),
  );
  call.add(`${written.size}`, ...written, `${indexes.size}`, ...indexes);
  call.add(notes.length === 0 ? '' : JSON.stringify(notes));
  call.add(`${steps.length}`);
  for (const step of steps) addStep(call, of, step);
  return call;
}

class Call implements ChangeCall {
  readonly keys: string[];
  readonly tokens: string[] = [];
  readonly #places = new Map<string, string>();

  constructor(keys: string[]) {
    this.keys = keys;
  }

  add(...tokens: string[]): void {
    for (const token of tokens) this.tokens.push(token);
  }

  /** Where a key stands among `KEYS`, counted from 1 as Lua does. */
  place(key: string): string {
    let place = this.#places.get(key);
    if (place === undefined) this.#places.set(key, (place = `${this.keys.push(key)}`));
    return place;
  }

  addFields(fields: RecordFields = {}): void {
    const names = Object.keys(fields);
    this.tokens.push(`${names.length * 2}`);
    for (const name of names) this.tokens.push(name, fields[name]!);
  }
}

function addRequirement(call: Call, of: PartitionKeys, requirement: Requirement): void {
  const place = call.place(of.record(requirement.key));
  switch (requirement.kind) {
    case 'present':
    case 'absent':
      call.add(requirement.kind, place);
      return;
    case 'version':
    case 'versionMax':
      call.add(requirement.kind, place, `${requirement.version}`);
      return;
    case 'field':
      if (requirement.text === undefined) call.add('noField', place, requirement.field);
      else call.add('field', place, requirement.field, requirement.text);
  }
}

function addStep(call: Call, of: PartitionKeys, step: Step): void {
  const place = call.place('key' in step ? of.record(step.key) : of.index(step.index));
  call.add(step.kind, place);
  switch (step.kind) {
    case 'put':
      call.add(wholeMs(step.ttlMs), wholeMs(Math.max(step.ttlMs, step.endsInMs ?? step.ttlMs)));
      call.addFields(step.fields);
      return;
    case 'merge':
      call.add(
        step.ttlMs === undefined ? '' : wholeMs(step.ttlMs),
        `${step.unset?.length ?? 0}`,
        ...(step.unset ?? []),
      );
      call.addFields(step.set);
      return;
    case 'link':
      call.add(step.member, wholeMs(step.ttlMs));
      return;
    case 'unlink':
      call.add(step.member);
      return;
    case 'removeLinked':
      call.add(step.except === undefined ? '' : '1', step.except ?? '');
      return;
    case 'remove':
  }
}

export function wholeMs(ms: number): string {
  return `${Math.ceil(ms)}`;
}
