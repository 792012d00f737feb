import type { Session } from '../../src/state/session/session.js';
import type { SessionHeaders } from '../../src/state/session/session-visit.js';
import type { Sessions } from '../../src/state/session/sessions.js';

/** A request that has come and not been answered. */
export interface RequestInFlight<Fields extends object> {
  readonly session: Session<Fields>;
  readonly cookieSent: string | undefined;
  readonly end: () => Promise<SessionHeaders>;
}

/** A client of the session library alone: it keeps one cookie, and no sockets are involved. */
export class Browser<Fields extends object> {
  cookie: string | undefined;
  readonly #sessions: Sessions<Fields>;

  constructor(sessions: Sessions<Fields>, cookie?: string) {
    this.#sessions = sessions;
    this.cookie = cookie;
  }

  async begin(): Promise<RequestInFlight<Fields>> {
    const visit = this.#sessions.visit({ cookie: this.cookie, isSecure: false });
    const cookieSent = this.cookie;
    await visit.load();
    const end = async (): Promise<SessionHeaders> => {
      const isQuiet = visit.isQuiet;
      if (isQuiet) visit.answered();
      const headers: SessionHeaders = isQuiet
        ? { setCookie: undefined, cacheControl: undefined }
        : await visit.commit();
      const pair = headers.setCookie?.split(';', 1)[0];
      if (pair !== undefined) this.cookie = pair.endsWith('=') ? undefined : pair;
      return headers;
    };
    return { session: visit.session, cookieSent, end };
  }

  async ask(work: (session: Session<Fields>) => void | Promise<void>): Promise<SessionHeaders> {
    const { session, end } = await this.begin();
    await work(session);
    return end();
  }

  async all(): Promise<object> {
    let fields = {};
    await this.ask((session) => void (fields = { ...session.all() }));
    return fields;
  }

  async userId(): Promise<string | undefined> {
    let user: string | undefined;
    await this.ask((session) => void (user = session.userId));
    return user;
  }
}
