import { StickyError } from '../../base/errors.js';
import type { Step } from '../store/change.js';
import { partitionOfUser, refOf, userIndex, type SessionRef } from './session-id.js';
import {
  writeContent,
  writeForward,
  type Forward,
  type LoadedSession,
  type SessionContent,
} from './record-format.js';
import { linkSteps, type SessionState } from './session-state.js';

const TRIES_MAX = 50;
const HOPS_MAX = 8;

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
 *
 * Who comes with an id that another request has renewed meanwhile gets one more id of the same session.
 * Answers can be lost, or come in any order: whichever id the client ends with is good.
 */
export async function renew(state: SessionState, goal: Goal): Promise<void> {
  state.checkOpen();
  if (state.ref === undefined) {
    if (goal.user !== undefined) await state.create(goal.user, goal.device);
    return;
  }
  state.checkTellable();
  for (let tries = 0; tries < TRIES_MAX; tries++) {
    const ref: SessionRef = state.ref!;
    const old = await state.read(ref);
    if (old === undefined) {
      state.close();
      state.checkOpen();
      return;
    }
    if (old.forward !== undefined && old.forward.kind !== 'left') state.ref = state.follow(old.forward);
    else if (old.forward !== undefined) {
      if (await leave(state, old.forward, goal)) return;
    } else if (state.cameByOldId && old.content.user === goal.user) {
      if (await nameAgain(state, ref, old)) return;
    } else if (await move(state, ref, old, goal)) return;
  }
  throw new StickyError(
    'STICKY_CONTENDED',
    `A session was changed by others ${TRIES_MAX} times while it was being renewed. Let the client try again.`,
  );
}

/**
 * The client has the id from before a login. Who logs in as the same user, as by a form that was sent twice,
 * comes to the session of the first; anybody else gets one of their own.
 */
async function leave(state: SessionState, { to }: Forward, goal: Goal): Promise<boolean> {
  let ref: SessionRef | undefined = goal.user === undefined ? undefined : to;
  for (let hops = 0; ref !== undefined && hops < HOPS_MAX; hops++) {
    const there = await state.read(ref);
    if (there === undefined || there.content.user !== goal.user || there.forward?.kind === 'left') break;
    if (there.forward === undefined) return nameAgain(state, ref, there);
    ref = there.forward.to;
  }
  await state.create(goal.user, goal.device);
  return true;
}

/** Gives the session at `to` one more id, for as long as it lives. */
async function nameAgain(state: SessionState, to: SessionRef, there: LoadedSession): Promise<boolean> {
  const { ids, records } = state.settings;
  const id = ids.make(to.partition);
  const from = refOf(id);
  const changed = await records.change(from, {
    requires: [{ kind: 'version', key: to.key, version: there.version }],
    steps: [
      {
        kind: 'put',
        key: from.key,
        fields: writeForward(there.content, { to, kind: 'alias' }),
        ttlMs: Math.max(1, there.endsInMs),
      },
    ],
  });
  if (!changed.done) return false;
  state.isAlso(id, to, there);
  return true;
}

async function move(state: SessionState, from: SessionRef, old: LoadedSession, goal: Goal): Promise<boolean> {
  const { store, records, ids, idleMs, graceMs } = state.settings;
  const isSameUser = old.content.user === goal.user;
  // Without a user it is a login of the app's own making, or may be: whoever planted the old id gains
  // nothing.
  const kind = isSameUser && goal.user !== undefined ? 'renewed' : 'left';
  const partition =
    goal.user === undefined || isSameUser ? from.partition : partitionOfUser(goal.user, store.partitions);
  const id = ids.make(partition);
  const to = refOf(id);
  const content = contentAfter(state, old.content, goal);
  const written = new Map(state.changes);
  // A login begins a new life; a mere change of id does not lengthen the old one.
  const endsInMs = isSameUser ? Math.max(1, Math.min(old.endsInMs, content.absoluteMs)) : content.absoluteMs;
  const requires = [{ kind: 'version', key: from.key, version: old.version } as const];
  const begin: Step[] = [
    { kind: 'put', key: to.key, fields: writeContent(content), ttlMs: Math.min(idleMs, endsInMs), endsInMs },
    ...linkSteps(goal.user, to, endsInMs),
  ];
  const leave: Step[] = [
    { kind: 'put', key: from.key, fields: writeForward(old.content, { to, kind }), ttlMs: graceMs },
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
  state.becomes(id, to, content, written);
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
