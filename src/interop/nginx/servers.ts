import { host as hostSchema } from '../../control/config/match.js';
import type { Draft } from '../draft.js';
import { chosenListener, type ImportedListener } from '../listeners.js';
import type { Report } from '../report.js';
import type { Directive } from './directives.js';

/** A `server` block: for whom it answers, and what is in it. */
export interface NginxServerBlock {
  /** Empty: any host. */
  readonly hosts: readonly string[];
  readonly isDefault: boolean;
  readonly lines: readonly Directive[];
  readonly at: string;
  /** As its directive's. */
  readonly id: string;
}

interface Listen extends ImportedListener {
  readonly isDefault: boolean;
}

/**
 * Which names a server answers to. nginx's first server of a port answers for whoever no other one names.
 * Where we listen is decided by those that pass requests on: a server that sends browsers from port 80 to TLS
 * is no place for users.
 */
export function serverBlocks(
  blocks: readonly Directive[],
  http: readonly Directive[],
  draft: Draft,
  report: Report,
): NginxServerBlock[] {
  const servers = blocks.map((block) => ({
    block,
    lines: block.block ?? [],
    listens: listensOf(block, http, report),
    doesPass: passes(block),
  }));
  const able = servers.filter(({ doesPass }) => doesPass);
  const all = able.flatMap(({ listens }) => listens);

  const chosen = chosenListener(all);
  for (const listen of all) draft.listen(listen);
  for (const { block, lines, listens } of able) {
    const unix = lines.find(({ name, args }) => name === 'listen' && /^unix:/.test(args[0] ?? ''));
    if (listens.length === 0 && unix !== undefined)
      draft.lock({
        hosts: [],
        path: '/',
        owner: block.id,
        at: unix.at,
        message: `${unix.args[0]!}: its routes answer at a socket of the file system there, and would answer on TCP here.`,
      });
  }
  const beside = servers.filter(
    ({ listens }) =>
      chosen === undefined || listens.length === 0 || listens.some(({ value }) => value === chosen.value),
  );
  const isFlagged = ({ listens }: (typeof servers)[number]): boolean =>
    listens.some(({ value, isDefault }) => isDefault && (chosen === undefined || value === chosen.value));
  const first = beside.find(isFlagged) ?? beside[0];
  return servers.map((server) => {
    const { block, lines } = server;
    const names = lines
      .filter(({ name }) => name === 'server_name')
      .flatMap(({ args, at }) => args.map((text) => ({ text, at })));
    return {
      hosts: [...new Set(names.flatMap(({ text, at }) => hostsOf(text, at, report)))],
      isDefault: server === first,
      lines,
      at: block.at,
      id: block.id,
    };
  });
}

function passes({ name, block = [] }: Directive): boolean {
  return name === 'proxy_pass' || name === 'grpc_pass' || block.some(passes);
}

function hostsOf(text: string, at: string, report: Report): string[] {
  if (text === '' || text === '_') return [];
  const names = text.startsWith('.') ? [text.slice(1), `*${text}`] : [text];
  return names.flatMap((name) => {
    const read = hostSchema.safeParse(name);
    if (read.success) return [read.data];
    report.say(
      at,
      `server_name ${text} is not carried over: stickyroute knows names, and *. in front of one.`,
    );
    return [];
  });
}

const UNREAD_OPTIONS = new Map([
  ['quic', 'stickyroute speaks HTTP/1.1 and HTTP/2'],
  ['proxy_protocol', 'stickyroute does not read the PROXY protocol'],
]);

function listensOf(
  { block: lines = [], id: owner }: Directive,
  http: readonly Directive[],
  report: Report,
): Listen[] {
  const isHttp2 = [...lines, ...http].find(({ name }) => name === 'http2')?.args[0] === 'on';
  return lines
    .filter(({ name }) => name === 'listen')
    .flatMap(({ args, at }) => {
      const [address = '', ...options] = args;
      const [whole, host, port = '80'] =
        /^(?:(\[[0-9a-fA-F:]+\]|(?=[\d_-]*[A-Za-z.*])[\w.*-]+)(?::|$))?(\d{1,5})?$/.exec(address) ?? [];
      if (!whole || /^unix:/.test(address)) {
        report.say(
          at,
          `listen ${address} is not carried over: ${/^unix:/.test(address) ? 'stickyroute listens on TCP' : 'it is not a port, nor an address and a port'}.`,
        );
        return [];
      }
      for (const option of options) {
        const reason = UNREAD_OPTIONS.get(option);
        if (reason !== undefined) report.say(at, `listen … ${option} is not carried over: ${reason}.`);
      }
      if (options.includes('quic')) return [];
      const isAny = host === undefined || host === '*' || host === '0.0.0.0' || host === '[::]';
      const isTls = options.includes('ssl');
      const isDefault = options.includes('default_server') || options.includes('default');
      return [
        {
          value: isAny ? Number(port) : `${host}:${port}`,
          at,
          owner,
          isTls,
          isHttp2: options.includes('http2') || isHttp2,
          isDefault,
          ...(isTls && { tls: tlsOf(lines, http, at, report) }),
        },
      ];
    });
}

function tlsOf(
  lines: readonly Directive[],
  http: readonly Directive[],
  at: string,
  report: Report,
): { readonly cert: string; readonly key: string } | undefined {
  const one = (wanted: string): string | undefined =>
    (lines.find(({ name }) => name === wanted) ?? http.find(({ name }) => name === wanted))?.args[0];
  const [cert, key] = [one('ssl_certificate'), one('ssl_certificate_key')];
  if (cert !== undefined && key !== undefined) return { cert, key };
  report.say(at, 'ssl has no certificate and key in its server. Write tls: { cert, key }.');
  return undefined;
}
