// `npm run check`: layout, promises, types and the quick tests, side by side. Each step speaks in one piece.
import { spawn } from 'node:child_process';

const CACHE = 'node_modules/.cache';
const CODE = ['{src,test,bench,examples}/**/*.{ts,tsx,mjs}', '*.ts'];
const STEPS = {
  layout: ['prettier', '--check', '--log-level', 'warn', '--cache', '--cache-strategy', 'content', ...CODE],
  promises: ['oxlint', '--type-aware', '--quiet', 'src', 'test', 'bench'],
  'types of the dashboard': ['tsc', '-p', 'src/dashboard/tsconfig.json'],
  types: ['tsc', '-p', 'tsconfig.json', '--incremental', '--tsBuildInfoFile', `${CACHE}/types.tsbuildinfo`],
};

/** Resolves to true when it went well. */
function run(name, [program, ...args], stdio) {
  return new Promise((resolve) => {
    // npm puts node_modules/.bin in front of PATH.
    const child = spawn(program, args, { stdio, shell: process.platform === 'win32' });
    let said = '';
    const end = (isWell) => {
      if (!isWell) console.error(`\n${name}:\n${said}`);
      resolve(isWell);
    };
    for (const stream of [child.stdout, child.stderr]) stream?.on('data', (text) => (said += text));
    child.on('error', (error) => ((said += error), end(false)));
    child.on('close', (code) => end(code === 0));
  });
}

const steps = Object.entries(STEPS).map(([name, command]) => run(name, command, ['ignore', 'pipe', 'pipe']));
const tests = run('tests', ['vitest', 'run', '--project', 'quick'], ['ignore', 'inherit', 'inherit']);
const outcomes = await Promise.all([...steps, tests]);
const failed = [...Object.keys(STEPS), 'tests'].filter((_, index) => !outcomes[index]);
console.log(failed.length === 0 ? 'check: all is well' : `check: ${failed.join(', ')} failed`);
process.exitCode = failed.length === 0 ? 0 : 1;
