import { StickyError } from '../../base/errors.js';

/**
 * Makes `session.cart = …` throw with the line to write, also in sloppy mode, where it would do nothing. A
 * proxy stands behind the prototype: what the session has is found before it, and costs what it did.
 */
export function refuseAssignments(prototype: object): void {
  for (const name of Object.getOwnPropertyNames(prototype)) {
    if (name === 'constructor') continue;
    const { get, set, value } = Object.getOwnPropertyDescriptor(prototype, name)!;
    if (set !== undefined) continue;
    Object.defineProperty(prototype, name, {
      configurable: true,
      enumerable: false,
      get: get ?? (() => value as unknown),
      set: () => refuse(name),
    });
  }
  // Apps that come from express-session ask it who may enter. Whatever it gave, someone would be let in or
  // turned away who should not be.
  Object.defineProperty(prototype, 'user', {
    configurable: true,
    enumerable: false,
    get: refuseRead,
    set: () => refuse('user'),
  });
  Object.setPrototypeOf(
    prototype,
    new Proxy(Object.prototype, {
      set: (_target, name) => refuse(String(name)),
      setPrototypeOf: () => false,
    }),
  );
}

const MEANT: Readonly<Record<string, string>> = {
  user: "await session.login(userId), to log in, or session.set('user', value), and read it by session.get('user')",
  userId: 'await session.login(userId)',
  cookie: 'the options `idle`, `absolute` and `cookie` of createSessions()',
};

function refuseRead(): never {
  throw new StickyError(
    'STICKY_SESSION_INVALID',
    "There is no session.user. Who is logged in is session.userId: to let nobody else in write `if (session.userId === undefined)`. What you set as a field is session.get('user').",
  );
}

function refuse(name: string): never {
  const meant =
    MEANT[name] ??
    `session.set('${name.slice(0, 128)}', value), and read it by session.get('${name.slice(0, 128)}')`;
  throw new StickyError(
    'STICKY_SESSION_INVALID',
    `An assignment to session.${name.slice(0, 128)} stores nothing. Write: ${meant}.`,
  );
}
