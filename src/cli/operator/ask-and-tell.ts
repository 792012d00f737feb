import type { Command } from 'commander';
import type { Explanation } from '../../control/explanation.js';
import type { FixedSetting } from '../../control/fixed-settings.js';
import { fixedText } from '../../control/fixed-settings.js';
import { forecastText, type Forecast } from '../../control/forecast/forecast.js';
import { explanationText } from '../explanation-text.js';
import { toAddress, toHeader, toMethod, toUrl } from '../request-flags.js';
import type { Surroundings } from '../surroundings.js';
import { callAdmin } from './admin-call.js';
import { withAdminFlags, type AdminFlags } from './admin-target.js';
import { atEachGateway } from './each-gateway.js';

interface WhereFlags extends AdminFlags {
  readonly url?: string;
  readonly path?: string;
  readonly host?: string;
  readonly header?: readonly (readonly [name: string, value: string])[];
  readonly cookie?: string;
  readonly ip?: string;
  readonly method?: string;
}

/** `stickyroute where` and `stickyroute reload`, of running gateways. */
export function addAskAndTell(program: Command, around: Surroundings, end: (code: number) => void): void {
  withAdminFlags(program.command('where'))
    .summary('say where a running gateway sends a user now, and why')
    .description(
      'Asks running gateways where a request would go now, as their upstreams are. What is asked with is not logged.',
    )
    .option('--cookie <cookie>', "a cookie of the user, 'sr=…', or several with '; ' between")
    .option('-H, --header <field>', "a header field, 'name: value' (repeatable)", toHeader)
    .option('--url <url>', 'http://host/path?query, or /path?query (default: /)', toUrl)
    .option('--path <path>', 'the path alone, instead of --url', toUrl)
    .option('--host <name>', 'the host name, where --url has none')
    .option('--ip <address>', 'the address that connects; trusted proxies are looked through', toAddress)
    .option('--method <method>', 'the method', toMethod)
    .addHelpText(
      'after',
      "\nExamples:\n  stickyroute where --cookie 'sr=AbC…'\n  stickyroute where --header 'x-user-id: 7' --path /api --host example.org\n\nExit codes: 0 an upstream was found, 1 none, or no answer, 2 bad command line.",
    )
    .action(async (flags: WhereFlags) => {
      const { url, path, host, header: headers, cookie, ip, method } = flags;
      const body = { url: url ?? path, host, headers, cookie, ip, method };
      end(
        await atEachGateway(flags, around, async (target) => {
          const explanation = await callAdmin<Explanation>(target, '/explain', body);
          const lines = explanationText(explanation, 'the gateway asked knows its upstreams as they are now');
          return {
            lines: lines.trimEnd().split('\n'),
            json: { explanation },
            isShort: explanation.upstream === undefined,
          };
        }),
      );
    });
  withAdminFlags(program.command('reload'))
    .summary('let a running gateway read its configuration again')
    .description('Lets running gateways read their configuration again. A bad one changes nothing.')
    .option('--dry-run', 'say what it would do to users, and change nothing')
    .addHelpText('after', '\nExamples:\n  stickyroute reload --dry-run\n  stickyroute reload')
    .action(async (flags: AdminFlags & { readonly dryRun?: boolean }) => {
      end(
        await atEachGateway(flags, around, async (target) => {
          if (flags.dryRun === true) {
            const told = await callAdmin<Forecast>(target, '/forecast', {});
            return { lines: forecastText(told), json: { ...told } };
          }
          const answer = await callAdmin<{ needsRestart: FixedSetting[] }>(target, '/reload', {});
          return {
            lines: ['the configuration was read again and is in use', ...answer.needsRestart.map(fixedText)],
            json: answer,
          };
        }),
      );
    });
}
