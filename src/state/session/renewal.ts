import { StickyError } from '../../base/errors.js';
import type { Step } from '../store/change.js';
import { partitionOfUser, refOf, userIndex, type SessionRef } from './session-id.js';
import { writeContent, writeForward, type LoadedSession, type SessionContent } from './session-record.js';
import { linkSteps, type SessionState } from './session-state.js';

const TRIES_MAX = 50;

/** Whom the session is for after the renewal. */
export interface Goal {
  readonly user: string | undefined;
  readonly device: string | undefined;
}

/**
 * Moves a session to a new id. The old one is first read again and then, in the step that makes it a forward,
 * required to be as it was read: what others wrote meanwhile is moved too, and what they ended stays ended.
 * Old and new may be in different partitions, which don't change together; the new id is nobody's before the
 * old one is a forward, so nobody can tell.
 */
export async function renew(state: SessionState, goal: Goal): Promise<void> {
  state.checkOpen();
  if (state.ref === undefined) {
    if (goal.user !== undefined) await state.create(goal.user, goal.device);
    return;
  }
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const ref: SessionRef = state.ref!;
    const old = await state.read(ref);
    if (old === undefined) {
      state.close();
      state.checkOpen();
      return;
    }
    if (old.forward !== undefined) {
      const isThere = await adopt(state, old, goal);
      if (isThere) return;
      continue;
    }
    if (await move(state, ref, old, goal)) return;
  }
  throw new StickyError(
    'STICKY_CONTENDED',
    `A session was changed by others ${TRIES_MAX} times while it was being renewed. Let the client try again.`,
  );
}

/** Somebody renewed it since this request read it. That will do, if it is for whom it should be. */
async function adopt(state: SessionState, old: LoadedSession, goal: Goal): Promise<boolean> {
  const { to, isSameUser } = old.forward!;
  if (await isOf(state, to, goal.user)) {
    const target = await state.read(to);
    if (target !== undefined) state.content = target.content;
    state.ref = to;
    state.left = undefined;
    return true;
  }
  if (isSameUser) {
    state.ref = to;
    return false;
  }
  // Somebody else logged in under the new id. Theirs is left alone, and who wants no more than another id has
  // it.
  if (goal.user !== undefined) await state.create(goal.user, goal.device);
  return true;
}

async function isOf(state: SessionState, ref: SessionRef, user: string | undefined): Promise<boolean> {
  return (await state.read(ref))?.content.user === user;
}

async function move(state: SessionState, from: SessionRef, old: LoadedSession, goal: Goal): Promise<boolean> {
  const { store, records, ids, idleMs, graceMs } = state.settings;
  const isSameUser = old.content.user === goal.user;
  const partition =
    goal.user === undefined || isSameUser ? from.partition : partitionOfUser(goal.user, store.partitions);
  const id = ids.make(partition);
  const to = refOf(id);
  const content = contentAfter(state, old.content, goal);
  // A login begins a new life; a mere change of id does not lengthen the old one.
  const endsInMs = isSameUser ? Math.max(1, Math.min(old.endsInMs, content.absoluteMs)) : content.absoluteMs;
  const requires = [{ kind: 'version', key: from.key, version: old.version } as const];
  const begin: Step[] = [
    { kind: 'put', key: to.key, fields: writeContent(content), ttlMs: Math.min(idleMs, endsInMs), endsInMs },
    ...linkSteps(goal.user, to, endsInMs),
  ];
  const leave: Step[] = [
    { kind: 'put', key: from.key, fields: writeForward(old.content, { to, isSameUser }), ttlMs: graceMs },
    ...(old.content.user === undefined
      ? []
      : [{ kind: 'unlink', index: userIndex(old.content.user), member: from.key } as const]),
  ];
  if (partition === from.partition) {
    const changed = await records.change(from, { requires, steps: [...begin, ...leave] });
    if (!changed.done) return false;
  } else {
    await records.change(to, { steps: begin });
    const changed = await records.change(from, { requires, steps: leave });
    if (!changed.done) {
      await records.change(to, {
        steps: [
          { kind: 'remove', key: to.key },
          ...(goal.user === undefined
            ? []
            : [{ kind: 'unlink', index: userIndex(goal.user), member: to.key } as const]),
        ],
      });
      return false;
    }
  }
  state.isNow(id, to, content);
  state.endsInMs = endsInMs;
  return true;
}

/** One user's fields are never shown to another. */
function contentAfter(state: SessionState, old: SessionContent, goal: Goal): SessionContent {
  const isOthers = old.user !== undefined && old.user !== goal.user;
  const fields = new Map(isOthers ? [] : old.fields);
  for (const [name, text] of state.changes) {
    if (text === undefined) fields.delete(name);
    else fields.set(name, text);
  }
  return {
    user: goal.user,
    device: goal.device ?? (isOthers ? undefined : old.device),
    absoluteMs: state.settings.absoluteMs,
    fields,
  };
}
