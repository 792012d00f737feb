import type { Config, RouteConfig } from '../control/config/config.js';
import { nginxText, NGINX_VERSION as NGINX } from './nginx/writer.js';
import { caddyText, CADDY_VERSION as CADDY } from './caddy/writer.js';
import { envoyText, ENVOY_VERSION as ENVOY } from './envoy/writer.js';
import { haproxyText, HAPROXY_VERSION as HAPROXY } from './haproxy/writer.js';
import { withNotes } from './placed-notes.js';
import { noteLine, type Report } from './report.js';
import type { Version } from './version.js';

/** A balancer that we can write for. */
export interface Target {
  readonly name: string;
  /** The file's usual name. */
  readonly file: string;
  /** How that balancer checks such a file. */
  readonly check: string;
  /** What is written for where no version is named. */
  readonly version: Version;
  write(config: Config, version: Version, report: Report): string;
}

export const targets: readonly Target[] = [
  { name: 'nginx', file: 'nginx.conf', check: 'nginx -t -c FILE', version: NGINX, write: nginxText },
  { name: 'haproxy', file: 'haproxy.cfg', check: 'haproxy -c -f FILE', version: HAPROXY, write: haproxyText },
  {
    name: 'caddy',
    file: 'Caddyfile',
    check: 'caddy validate --config FILE --adapter caddyfile',
    version: CADDY,
    write: caddyText,
  },
  {
    name: 'envoy',
    file: 'envoy.yaml',
    check: 'envoy --mode validate -c FILE',
    version: ENVOY,
    write: envoyText,
  },
];

/**
 * Our configuration as another balancer's file. What can't be said there is in the report. `source`: the name
 * of our file.
 */
export function exportText(
  target: Target,
  config: Config,
  source: string,
  version: Version | undefined,
  report: Report,
): string {
  const wanted = version ?? target.version;
  const body = target.write({ ...config, routes: plainRoutes(config, report) }, wanted, report);
  const command = `stickyroute export ${target.name}${version === undefined ? '' : ` --target-version ${version.join('.')}`} -c ${source}`;
  const { text, others } = withNotes(body, report.notes);
  const placed = report.notes.length - others.length;
  const { summary, untold } = report;
  const lost =
    summary === undefined
      ? []
      : [
          '#',
          `# Not carried over, or not as it was: ${summary}.`,
          ...others.map((note) => `#   ${noteLine(note)}`),
          ...(untold === 0 ? [] : [`#   and ${untold} lines more`]),
          ...(placed === 0 ? [] : ['# What concerns a part of this file stands there.']),
        ];
  return [
    `# Written by ${command.replace(/[^\x20-\x7e]/g, '?')}`,
    `# Check it with ${target.check}. A change belongs into ${source.replace(/[^\x20-\x7e]/g, '?')}; write this file anew then.`,
    ...lost,
    '',
    text,
  ].join('\n');
}

/** Routes that say no more than host and path; others would answer there for what they don't here. */
function plainRoutes({ routes, answers, errorPages }: Config, report: Report): readonly RouteConfig[] {
  if (errorPages.size > 0) report.say('errorPages', 'is not carried over: others have pages of their own.');
  for (const { name } of answers)
    report.say(`route ${name}`, 'is not carried over: the gateway answers it by itself.');
  for (const { name, requestEdits, answerEdits, toHttps } of routes) {
    const at = `route ${name}`;
    if (requestEdits !== undefined)
      report.say(
        at,
        'is written without its changes of requests: upstreams there get path and fields as they come.',
      );
    if (answerEdits !== undefined) report.say(at, 'is written without its changes of answers.');
    if (toHttps !== undefined) report.say(at, 'is written without its redirect to HTTPS.');
  }
  for (const { name, demands } of routes)
    if (demands.length > 0)
      report.say(
        `route ${name}`,
        'is not carried over: it asks for more than host and path. Its requests go to the next route that fits.',
      );
  return routes.filter(({ demands }) => demands.length === 0);
}
