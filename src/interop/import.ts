import { basename, dirname } from 'node:path';
import { readCaddy } from './caddy/reader.js';
import type { Draft } from './draft.js';
import { issueLines } from './draft.js';
import { readHaproxy } from './haproxy/reader.js';
import { readNginx } from './nginx/reader.js';
import type { Report } from './report.js';
import { failed, SourceFiles, type SourceFile } from './source-files.js';

/** A balancer whose files we can read. */
export interface ImportedBalancer {
  readonly name: string;
  /** Is a file of this name likely one of its? */
  readonly named: RegExp;
  /** Words that only its files begin lines with. */
  readonly speaks: RegExp;
  /** `version`: of the balancer whose file it is, where it matters. */
  read(file: SourceFile, files: SourceFiles, report: Report, version?: string): Draft;
}

export const origins: readonly ImportedBalancer[] = [
  {
    name: 'nginx',
    named: /nginx|\.conf$/i,
    speaks: /^[ \t]*(?:http|server|upstream[ \t]{1,20}[^\s{]{1,200})[ \t]{0,20}\{/m,
    read: readNginx,
  },
  {
    name: 'haproxy',
    named: /haproxy|\.cfg$/i,
    speaks: /^(?:frontend|backend|listen|defaults)\b/m,
    read: readHaproxy,
  },
  { name: 'caddy', named: /caddy/i, speaks: /^[ \t]*(?:reverse_proxy|handle|route)\b/m, read: readCaddy },
];

export interface ImportOptions {
  /** Of the balancer whose file it is. */
  readonly version?: string | undefined;
  /** Writes routes that open a door as they are, and not as comments. */
  readonly accept?: boolean;
}

/** Our configuration as YAML, from another balancer's file. `from`: whose, where its name does not say it. */
export function importText(
  path: string,
  shown: string,
  from: ImportedBalancer | undefined,
  report: Report,
  { version, accept = false }: ImportOptions = {},
): string {
  const files = new SourceFiles(dirname(path), report);
  const file = { ...files.read(path), name: basename(shown) };
  const origin = from ?? guess(file);
  if (origin === undefined)
    throw failed(
      `${shown}: it does not say whose configuration it is. Write --from ${origins.map(({ name }) => name).join(', --from ')}.`,
    );
  const draft = origin.read(file, files, report, version);
  if (draft.routes.length === 0)
    throw failed(
      `${shown}: nothing in it passes requests to upstreams in a way that stickyroute knows.${report.lines.map((line) => `\n${line}`).join('')}`,
    );
  const printable = file.name.replace(/[^\x20-\x7e]/g, '?');
  const { yaml, issues } = draft.text(`# From ${printable}, by stickyroute import.\n`, accept);
  for (const line of issueLines(issues)) report.say(file.name, `the result needs your hand: ${line}`);
  return yaml;
}

/** By its name, else by what stands in it. */
function guess({ name, text }: SourceFile): ImportedBalancer | undefined {
  const spoken = origins.filter(({ speaks }) => speaks.test(text));
  return spoken.length === 1
    ? spoken[0]
    : (spoken.find(({ named }) => named.test(name)) ?? origins.find(({ named }) => named.test(name)));
}
