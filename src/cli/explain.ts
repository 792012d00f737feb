import type { Command } from 'commander';
import { systemClock } from '../base/clock.js';
import { systemRandom } from '../base/random.js';
import { assemble } from '../control/assembly.js';
import { offlineConfig } from '../control/offline-upstreams.js';
import { explain } from '../control/explanation.js';
import { explanationText } from './explanation-text.js';
import { toAddress, toHeader, toMethod, toUrl } from './request-flags.js';
import { configOf } from './source.js';
import { EXIT, type Surroundings } from './surroundings.js';

interface ExplainFlags {
  readonly config?: string;
  readonly url?: string;
  readonly header?: readonly (readonly [name: string, value: string])[];
  readonly ip?: string;
  readonly method: string;
  readonly json?: boolean;
}

const EXAMPLES = `
Examples:
  stickyroute explain --url http://example.org/
  stickyroute explain -c stickyroute.yaml --url /api/users/7 --header 'host: example.org' --header 'x-user-id: 7'
  stickyroute explain --url /?user_id=7 --ip 203.0.113.9 --json

It asks the same router as the gateway, but knows nothing of health and load: every upstream counts as up and idle.
Exit codes: 0 an upstream was found, 1 none, 2 bad configuration or command line.`;

/** `stickyroute explain`: where would this request go, and why? */
export function addExplain(program: Command, around: Surroundings, end: (code: number) => void): void {
  program
    .command('explain')
    .summary('say where a request would go, and why')
    .description(
      'Says which upstream a request would reach, by which rule, why, and which upstreams would be tried next.',
    )
    .option(
      '-c, --config <file>',
      'the configuration, YAML or JSON (default: stickyroute.yaml, .yml or .json here)',
    )
    .option('--url <url>', 'required: http://host/path?query, or /path?query', toUrl)
    .option('-H, --header <field>', "a header field, 'name: value' (repeatable)", toHeader)
    .option('--ip <address>', 'the address that connects; trusted proxies are looked through', toAddress)
    .option('--method <method>', 'the method', toMethod, 'GET')
    .option('--json', 'as JSON')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: ExplainFlags, command: Command) => {
      // Not commander's requiredOption: that would complain of --url before it complains of --ulr.
      if (flags.url === undefined)
        command.error('error: --url is missing. Write --url http://host/path, or --url /path.');
      const { config, url, header: headers, ip, method } = flags;
      const known = offlineConfig(configOf(config, around).config);
      for (const note of known.unknown) around.stderr.write(`note: ${note}\n`);
      const assembly = assemble(known.config);
      const result = await explain(assembly, { url, method, headers, ip }, systemClock, systemRandom);
      around.stdout.write(
        flags.json === true ? `${JSON.stringify(result, null, 2)}\n` : explanationText(result),
      );
      end(result.upstream === undefined ? EXIT.failed : EXIT.ok);
    });
}
