import type { Command } from 'commander';
import type { StartGateway } from './served-gateway.js';
import type { Surroundings } from './surroundings.js';

/** Adds commands to the program. */
export type AddCommands = (
  program: Command,
  around: Surroundings,
  end: (code: number) => void,
  startGateway?: StartGateway,
) => void;

/** A file with commands, which is loaded when one of them is wanted. */
interface CommandFile {
  readonly names: readonly string[];
  load(): Promise<AddCommands>;
}

/** In the order in which `--help` lists them. */
export const COMMAND_FILES: readonly CommandFile[] = [
  { names: ['up'], load: async () => (await import('./up.js')).addUp },
  { names: ['validate'], load: async () => (await import('./validate.js')).addValidate },
  { names: ['diff'], load: async () => (await import('./diff.js')).addDiff },
  { names: ['explain'], load: async () => (await import('./explain.js')).addExplain },
  { names: ['health'], load: async () => (await import('./health.js')).addHealth },
  { names: ['advise'], load: async () => (await import('./advise.js')).addAdvise },
  { names: ['schema'], load: async () => (await import('./schema.js')).addSchema },
  { names: ['export'], load: async () => (await import('./export.js')).addExport },
  { names: ['import'], load: async () => (await import('./import.js')).addImport },
  {
    names: ['status', 'upstreams'],
    load: async () => (await import('./operator/status.js')).addStatus,
  },
  {
    names: ['drain', 'enable', 'disable', 'weight'],
    load: async () => (await import('./operator/verbs.js')).addVerbs,
  },
  {
    names: ['where', 'reload'],
    load: async () => (await import('./operator/ask-and-tell.js')).addAskAndTell,
  },
  { names: ['events'], load: async () => (await import('./operator/events.js')).addEvents },
];

/**
 * The files that this command line needs: the one whose command comes first. All of them where no command is
 * known, because help and suggestions list all.
 */
export function commandFilesFor(argv: readonly string[]): readonly CommandFile[] {
  const first = argv[0];
  if (first === '--version' || first === '-V') return [];
  const wanted = COMMAND_FILES.find(({ names }) => names.includes(first ?? ''));
  return wanted === undefined ? COMMAND_FILES : [wanted];
}
