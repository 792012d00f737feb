import { host as hostSchema } from '../../control/config/match.js';
import type { Draft } from '../draft.js';
import type { Report } from '../report.js';
import type { Directive } from './directives.js';

/** A `server` block: for whom it answers, and what is in it. */
export interface NginxServerBlock {
  /** Empty: any host. */
  readonly hosts: readonly string[];
  readonly isDefault: boolean;
  readonly lines: readonly Directive[];
  readonly at: string;
}

/** Which names a server answers to. nginx's first server of a port answers for whoever no other one names. */
export function serverBlocks(blocks: readonly Directive[], draft: Draft, report: Report): NginxServerBlock[] {
  const isFlagged = (block: Directive): boolean => (block.block ?? []).some(({ name, args }) => name === 'listen' && (args.includes('default_server') || args.includes('default')));
  const first = blocks.find(isFlagged) ?? blocks[0];
  return blocks.map((block) => {
    const lines = block.block ?? [];
    const names = lines.filter(({ name }) => name === 'server_name').flatMap(({ args, at }) => args.map((text) => ({ text, at })));
    return { hosts: [...new Set(names.flatMap(({ text, at }) => hostsOf(text, at, report)))], isDefault: block === first, lines, at: block.at };
  }).map((server, place) => {
    listenOf(server.lines, place === 0 || server.isDefault, draft, report);
    return server;
  });
}

function hostsOf(text: string, at: string, report: Report): string[] {
  if (text === '' || text === '_') return [];
  const names = text.startsWith('.') ? [text.slice(1), `*${text}`] : [text];
  return names.flatMap((name) => {
    const read = hostSchema.safeParse(name);
    if (read.success) return [read.data];
    report.say(at, `server_name ${text} is not carried over: stickyroute knows names, and *. in front of one.`);
    return [];
  });
}

function listenOf(lines: readonly Directive[], isFirst: boolean, draft: Draft, report: Report): void {
  const listens = lines.filter(({ name }) => name === 'listen');
  for (const { args, at } of listens) {
    const [address = ''] = args;
    const [, host, port = '80'] = /^(?:(\[[^\]]+\]|[\w.*-]*[A-Za-z.*][\w.*-]*)(?::|$))?(\d{1,5})?$/.exec(address) ?? [];
    if (/^unix:/.test(address)) {
      report.say(at, `listen ${address} is not carried over: stickyroute listens on TCP.`);
      continue;
    }
    const isAny = host === undefined || host === '*' || host === '0.0.0.0' || host === '[::]';
    draft.set('listen', isAny ? Number(port) : `${host}:${port}`, at);
    for (const option of args.slice(1)) if (/^(?:proxy_protocol|quic|http2)$/.test(option)) report.say(at, `listen … ${option} is not carried over: stickyroute speaks HTTP/1.1.`);
    if (args.includes('ssl') && isFirst) tlsOf(lines, at, draft, report);
  }
}

function tlsOf(lines: readonly Directive[], at: string, draft: Draft, report: Report): void {
  const cert = lines.find(({ name }) => name === 'ssl_certificate');
  const key = lines.find(({ name }) => name === 'ssl_certificate_key');
  if (cert?.args[0] === undefined || key?.args[0] === undefined) report.say(at, 'ssl has no certificate and key in its server. Write tls: { cert, key }.');
  else draft.set('tls', { cert: cert.args[0], key: key.args[0] }, cert.at);
}
