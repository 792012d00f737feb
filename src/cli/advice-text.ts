import { stringify } from 'yaml';
import { sealsBindings } from '../control/assembly.js';
import { readConfig } from '../control/config/load.js';
import { presetFor, RULE_NOTES, situationFor, type Clients, type Keeps } from '../control/presets.js';

/** What is known of a service. */
export interface Answers {
  readonly users: number;
  readonly clients?: Clients | undefined;
  readonly keeps?: Keeps | undefined;
  /** Addresses and ranges of the proxies in front of the gateway. */
  readonly proxies?: readonly string[] | undefined;
  readonly upstreams?: readonly string[] | undefined;
}

const COMMENT_CHARS = 110;
const EXAMPLE_UPSTREAMS = ['http://127.0.0.1:3001', 'http://127.0.0.1:3002'];

/**
 * A configuration with the reasons on top, as comments: `stickyroute advise … > stickyroute.yaml` writes a
 * file to run.
 */
export function adviceText({
  users,
  clients,
  keeps,
  proxies = [],
  upstreams = EXAMPLE_UPSTREAMS,
}: Answers): string {
  const preset = presetFor(users);
  const situation = situationFor(clients, keeps);
  const { workers, ...routing } = { ...preset.config, ...situation?.config };
  const settings = {
    upstreams: Object.fromEntries(upstreams.map((url, at) => [`api-${at + 1}`, url])),
    ...routing,
    ...(proxies.length > 0 && { trustedProxies: proxies }),
    ...(workers !== undefined && { workers }),
  };
  const isSealed = sealsBindings(readConfig(settings));
  const rules = routing.affinity.map((rule) =>
    typeof rule === 'string' ? rule : Object.keys(rule as object)[0]!,
  );
  const comments = [
    `preset ${preset.name} (${preset.size}): ${preset.scheme}.`,
    ...(situation === undefined ? [] : [`Situation: ${situation.title}: ${situation.scheme}, instead.`]),
    `Why: ${situation?.why ?? preset.why}`,
    `Upstreams: ${situation?.upstreams ?? preset.upstreams}`,
    ...rules.flatMap((rule) => RULE_NOTES[rule] ?? []),
  ];
  const commands = [
    '# Run it: stickyroute up -c stickyroute.yaml',
    ...(situation === undefined
      ? [
          `# Without a file: stickyroute up --preset ${preset.name} ${upstreams.map((url) => `--upstream ${url}`).join(' ')}`,
        ]
      : []),
  ];
  const yaml = stringify(
    { listen: 8080, ...(isSealed && { keys: ['${STICKYROUTE_KEY}'] }), ...settings },
    { lineWidth: 0 },
  );
  return `${[...comments.flatMap(asComment), ...commands].join('\n')}\n${yaml}# Better than waiting for requests to fail, where the upstreams have such a path:\n# health: { path: /healthz }\n`;
}

/** Lines of a comment; the second and later ones are indented. */
function asComment(text: string): string[] {
  const lines: string[] = [];
  for (const word of text.split(' ')) {
    const line = lines.at(-1);
    if (line !== undefined && line.length + word.length < COMMENT_CHARS)
      lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`#${lines.length === 0 ? '' : '  '} ${word}`);
  }
  return lines;
}
