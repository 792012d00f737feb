import { Draft, type DraftRoute } from '../draft.js';
import { lockText, type Lock } from '../doors.js';
import type { Report } from '../report.js';
import { sayOrder } from '../say-order.js';
import { failed, type SourceFile, type SourceFiles } from '../source-files.js';
import { trustedRanges } from '../trusted-ranges.js';
import { haproxyBackend, type HaproxyBackend } from './backend-reader.js';
import { conditions, type Asked } from './conditions.js';
import { lockOf, lockScopes } from './locks.js';
import { sections, type Line, type Section } from './sections.js';
import { readInherited, readSetting } from './settings.js';

/** Lines of a frontend that are read together below. */
const READ_HERE = new Set(['bind', 'acl', 'use_backend', 'default_backend']);
/** Lines of `defaults` that the backends read. */
const INHERITED = new Set([
  'balance',
  'hash-type',
  'default-server',
  'default_backend',
  'cookie',
  'dynamic-cookie-key',
  'http-check',
]);

/** A haproxy.cfg. */
export function readHaproxy(file: SourceFile, _files: SourceFiles, report: Report): Draft {
  const all = sections(file);
  if (!all.some(({ kind }) => kind === 'frontend' || kind === 'listen'))
    throw failed(`${file.name}: there is no frontend and no listen in it.`);
  const draft = new Draft(report);
  const reader = new HaproxyReader(all, draft, report);
  reader.read();
  return draft;
}

class HaproxyReader {
  readonly #sections: readonly Section[];
  readonly #draft: Draft;
  readonly #report: Report;
  readonly #backends = new Map<string, HaproxyBackend | undefined>();
  readonly #inherited = new Map<Section, readonly Line[]>();
  readonly #named = new Map<string, Section>();
  readonly #locked = new Set<Section>();

  constructor(all: readonly Section[], draft: Draft, report: Report) {
    this.#sections = all;
    this.#draft = draft;
    this.#report = report;
    let before: readonly Line[] = [];
    const named = new Map<string, readonly Line[]>();
    for (const section of all) {
      if (section.kind === 'backend' && !this.#named.has(section.name))
        this.#named.set(section.name, section);
      if (section.kind === 'defaults') {
        before = [...(section.from === undefined ? [] : (named.get(section.from) ?? [])), ...section.lines];
        report.spend(before.length);
        named.set(section.name, before);
      } else
        this.#inherited.set(section, section.from === undefined ? before : (named.get(section.from) ?? []));
    }
  }

  read(): void {
    const fronts = this.#sections.filter(
      (section) => section.kind === 'frontend' || section.kind === 'listen',
    );
    for (const section of this.#sections) {
      if (section.kind === 'global')
        for (const line of section.lines) readSetting(line, this.#draft, this.#report);
      else if (section.kind === 'defaults') {
        for (const line of section.lines)
          if (
            !INHERITED.has(line.words[0]!) &&
            !/^(?:option (?:httpchk|persist)|timeout |retries|maxconn)/.test(line.words.join(' '))
          )
            readSetting(line, this.#draft, this.#report);
      } else if (section.kind !== 'frontend' && section.kind !== 'listen' && section.kind !== 'backend')
        this.#report[section.kind === 'program' ? 'say' : 'harmless'](
          section.at,
          `${section.kind} ${section.name} is not carried over.`.replace('  ', ' '),
        );
    }
    for (const section of fronts) this.#front(section);
    for (const section of this.#sections) {
      if (section.kind === 'backend' && !this.#backends.has(section.name))
        this.#report.harmless(
          section.at,
          `backend ${section.name} is not carried over: nothing leads to it.`,
        );
    }
  }

  #front(section: Section): void {
    const { lines, at, kind, name } = section;
    const mode =
      lines.findLast(({ words }) => words[0] === 'mode')?.words[1] ??
      this.#inherited.get(section)?.findLast(({ words }) => words[0] === 'mode')?.words[1] ??
      'tcp';
    if (mode !== 'http') {
      this.#report.say(
        at,
        `${kind} ${name} is not carried over: it is in mode ${mode}, and stickyroute speaks HTTP.`,
      );
      return;
    }
    const acls = new Map<string, Line[]>();
    for (const line of lines.filter(({ words }) => words[0] === 'acl')) {
      const [, acl = '', fetch, ...ranges] = line.words;
      if (acl === 'sr_trusted' && fetch === 'src')
        this.#draft.set('trustedProxies', trustedRanges(ranges, line.at, this.#report), line.at, at);
      else if (acls.has(acl)) acls.get(acl)!.push(line);
      else acls.set(acl, [line]);
    }
    if (kind === 'frontend')
      for (const line of lines)
        if (!READ_HERE.has(line.words[0]!) && lockOf(line) === undefined)
          readSetting(line, this.#draft, this.#report, at);
    if (kind === 'frontend')
      readInherited(this.#inherited.get(section) ?? [], section, this.#draft, this.#report);
    for (const line of [...(this.#inherited.get(section) ?? []), ...lines]) {
      const why = lockOf(line);
      if (why !== undefined) this.#lock(line, why, acls, { owner: at });
    }
    const routes: DraftRoute[] = [];
    for (const line of lines.filter(({ words }) => words[0] === 'use_backend')) {
      const [, backend = '', ...condition] = line.words;
      const target = this.#named.get(backend);
      if (target !== undefined && !target.lines.some(({ words }) => /^server/.test(words[0]!)))
        this.#lock(line, `use_backend ${backend}: it has no server, so requests are kept out there`, acls, {
          owner: at,
        });
      const asked = conditions(condition, acls, line.at, this.#report);
      if (typeof asked === 'string')
        this.#report.say(
          line.at,
          `use_backend ${backend} is not carried over: ${asked} Routes match by host and path.`,
        );
      else
        for (const alternative of asked)
          for (const route of this.#routes(backend, alternative, line.at)) routes.push(route);
    }
    sayOrder(routes, this.#report);
    const last =
      lines.findLast(({ words }) => words[0] === 'default_backend') ??
      this.#inherited.get(section)?.findLast(({ words }) => words[0] === 'default_backend');
    const fallback =
      kind === 'listen' && lines.some(({ words }) => words[0] === 'server') ? section.name : last?.words[1];
    if (fallback !== undefined)
      for (const route of this.#routes(fallback, {}, last?.at ?? at, kind === 'listen' ? section : undefined))
        routes.push(route);
    for (const route of routes)
      this.#draft.route({ ...route, owner: at, parts: [at, ...(route.parts ?? [])] });
    if (routes.length === 0) {
      this.#report.say(at, `${kind} ${name} is not carried over: it leads to no server.`);
      return;
    }
    for (const line of lines.filter((each) => each.words[0] === 'bind')) this.#bind(line, at);
  }

  #lock(
    line: Line,
    why: string,
    acls: ReadonlyMap<string, readonly Line[]>,
    only: Pick<Lock, 'owner' | 'urls'>,
  ): void {
    for (const { hosts = [], paths = ['/'] } of lockScopes(line, acls))
      for (const path of paths)
        this.#draft.lock({
          ...only,
          hosts,
          path,
          at: line.at,
          message: lockText(why),
        });
  }

  #routes(backend: string, { hosts = [], paths = ['/'] }: Asked, at: string, own?: Section): DraftRoute[] {
    const found = this.#backend(backend, at, own);
    if (found === undefined) return [];
    const { pool, affinity, balance } = found;
    const section = own ?? this.#named.get(backend);
    if (section?.kind === 'backend' && !this.#locked.has(section)) {
      this.#locked.add(section);
      const urls = new Set(pool.upstreams.map(({ url }) => url));
      const acls = new Map<string, Line[]>();
      for (const line of section.lines)
        if (line.words[0] === 'acl') {
          const own = acls.get(line.words[1] ?? '');
          if (own === undefined) acls.set(line.words[1] ?? '', [line]);
          else own.push(line);
        }
      for (const line of section.lines) {
        const why = lockOf(line);
        if (why !== undefined) this.#lock(line, why, acls, { urls });
      }
    }
    return paths.map((path) => ({
      hosts,
      path,
      parts: [section!.at],
      pool,
      affinity,
      ...(balance !== undefined && { balance }),
      at,
    }));
  }

  #backend(name: string, at: string, own: Section | undefined): HaproxyBackend | undefined {
    const section = own ?? this.#named.get(name);
    if (section === undefined) {
      this.#report.say(
        at,
        `${name.includes('%[') ? 'a backend named by the request' : `backend ${name}`} is not carried over: it is not in this file.`,
      );
      return undefined;
    }
    if (!this.#backends.has(name)) {
      const answers = section.lines.some(({ words }) => words[0] === 'server');
      // What answers 404 by itself is what stickyroute does without a route.
      const answersNobody =
        !answers &&
        section.lines.length === 1 &&
        section.lines[0]!.words.join(' ') === 'http-request return status 404';
      this.#backends.set(
        name,
        answersNobody
          ? undefined
          : haproxyBackend(section, this.#inherited.get(section) ?? [], this.#draft, this.#report),
      );
    }
    return this.#backends.get(name);
  }

  #bind({ words, at }: Line, owner: string): void {
    const [, addresses = '', ...options] = words;
    const isTls = options.includes('ssl');
    const [file, ...more] = options.filter((_, index) => options[index - 1] === 'crt');
    if (options.includes('accept-proxy'))
      this.#report.say(
        at,
        'bind … accept-proxy is not carried over: stickyroute does not know the PROXY protocol.',
      );
    if (isTls && file === undefined)
      this.#report.say(
        at,
        'bind … ssl names no certificate that can be read here. Write tls: { cert, key }.',
      );
    if (file !== undefined)
      this.#report.say(
        at,
        `bind … crt ${file}: stickyroute wants certificate and key in files of their own. Check tls.`,
      );
    for (const other of more)
      this.#report.say(at, `bind … crt ${other} is not carried over: stickyroute has one certificate.`);
    const verify = options[options.indexOf('verify') + 1];
    if (options.includes('verify') && verify !== 'none')
      this.#draft.lock({
        hosts: [],
        path: '/',
        owner,
        at,
        message: `bind … verify ${verify ?? ''}: clients show a certificate there, and nothing here would ask for it.`,
      });
    for (const word of ['crt-list'])
      if (options.includes(word)) this.#report.say(at, `bind … ${word} is not carried over.`);
    for (const address of addresses.split(',')) {
      const [, host = '', port] =
        /^(?:ipv[46]@)?(|\*|\[[0-9a-fA-F:]+\]|[0-9a-fA-F:]+|[\w.-]+):(\d{1,5})$/.exec(address) ?? [];
      if (port === undefined) {
        this.#report.say(at, `bind ${address} is not carried over: stickyroute listens at one TCP port.`);
        // A socket of the file system, or of a namespace: a place that only some can reach.
        if (!this.#draft.hasListener(owner) && /^(?:unix@|abns@|\/|fd@)/.test(address))
          this.#draft.lock({
            hosts: [],
            path: '/',
            owner,
            at,
            message: `bind ${address}: its routes answer at a socket of the file system there, and would answer on TCP here.`,
          });
        continue;
      }
      const isAny = host === '' || host === '*' || host === '0.0.0.0' || host === '::' || host === '[::]';
      const value = isAny
        ? Number(port)
        : `${host.includes(':') && !host.startsWith('[') ? `[${host}]` : host}:${port}`;
      this.#draft.listen({
        value,
        at,
        owner,
        isTls,
        isHttp2: options.includes('proto')
          ? options[options.indexOf('proto') + 1] === 'h2'
          : isTls && (options[options.indexOf('alpn') + 1] ?? '').split(',').includes('h2'),
        ...(isTls && file !== undefined && { tls: { cert: file, key: `${file}.key` } }),
      });
    }
  }
}
