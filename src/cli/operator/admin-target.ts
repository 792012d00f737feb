import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { InvalidArgumentError, type Command } from 'commander';
import { StickyError } from '../../base/errors.js';
import { ADMIN_PORT } from '../../control/config/admin.js';
import type { Surroundings } from '../surroundings.js';

/** Where an admin API is, and what opens it. */
export interface AdminTarget {
  /** As it was typed. */
  readonly name: string;
  readonly token: string | undefined;
  readonly socketPath: string | undefined;
  /** With a socket file: only its path counts. */
  readonly url: URL;
}

export interface AdminFlags {
  readonly admin?: readonly string[];
  readonly adminTokenFile?: string;
  readonly json?: boolean;
}

const DEFAULT = `http://127.0.0.1:${ADMIN_PORT}`;
const TOKEN_VARIABLE = 'STICKYROUTE_ADMIN_TOKEN';

/** The flags of every command that asks a running gateway. */
export function withAdminFlags(command: Command): Command {
  return command
    .option(
      '--admin <url>',
      `the admin API: http://HOST:PORT or unix:/PATH; repeatable, for several gateways (default: ${DEFAULT})`,
      toAdmin,
    )
    .option('--admin-token-file <file>', `a file with its token (default: the variable ${TOKEN_VARIABLE})`)
    .option('--json', 'a line of JSON a gateway');
}

export function adminTargets(flags: AdminFlags, { env, cwd }: Surroundings): readonly AdminTarget[] {
  const token = tokenOf(flags.adminTokenFile, env[TOKEN_VARIABLE], cwd);
  return (flags.admin ?? [DEFAULT]).map((name) => {
    const socketPath = name.startsWith('unix:') ? resolve(cwd, name.slice('unix:'.length)) : undefined;
    return { name, token, socketPath, url: new URL(socketPath === undefined ? name : 'http://localhost') };
  });
}

function tokenOf(file: string | undefined, variable: string | undefined, cwd: string): string | undefined {
  if (file === undefined) return variable === undefined || variable === '' ? undefined : variable;
  let text: string;
  try {
    text = readFileSync(resolve(cwd, file), 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new StickyError('STICKY_CONFIG_UNREADABLE', `Can't read the token file ${file} (${code}).`);
  }
  if (!/^[\x21-\x7e]{1,1024}$/.test(text))
    throw new StickyError(
      'STICKY_CONFIG_INVALID',
      `The file ${file} holds no token: one line, without spaces.`,
    );
  return text;
}

function toAdmin(text: string, before: readonly string[] = []): readonly string[] {
  const isUnix = /^unix:./.test(text);
  const isHttp = /^https?:\/\/[^/?#@]+\/?$/i.test(text) && URL.canParse(text);
  if (isUnix || isHttp) return [...before, text.replace(/\/$/, '')];
  throw new InvalidArgumentError('Write http://HOST:PORT or unix:/PATH.');
}
