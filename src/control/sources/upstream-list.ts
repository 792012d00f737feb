import { parseText } from '../config/document.js';
import type { Issue } from '../config/problem.js';
import { ConfigError, pathText, PROBLEMS_MAX } from '../config/problem.js';
import { sentence, toIssues } from '../config/messages.js';
import { upstreams } from '../config/upstreams.js';
import type { Upstream } from '../../route/pool/upstream.js';

/**
 * Reads what `upstreams:` of a configuration takes, from the text of a file of its own. Throws ConfigError
 * with every problem in it. `source`: the file, as messages show it.
 */
export function readUpstreamList(text: string, source: string): readonly Upstream[] {
  const quick = readJson(text);
  if (quick !== undefined) {
    const read = upstreams.safeParse(quick, { error: sentence });
    if (read.success) return read.data;
  }
  const document = parseText(text);
  const { value, problems, locate } = document;
  if (value === undefined || problems.length > 0) throw new ConfigError(problems, source);
  const issues: Issue[] = [];
  const read = upstreams.safeParse(value ?? undefined, { error: sentence });
  if (read.success) return read.data;
  if (value === null) issues.push({ path: [], message: EMPTY });
  else if (isWrapped(value)) issues.push({ path: ['upstreams'], message: WRAPPED });
  else issues.push(...toIssues(read.error.issues));
  const shown = issues
    .slice(0, PROBLEMS_MAX)
    .map(({ path, message }) => ({ path: pathText(path), message, ...locate(path) }));
  throw new ConfigError(shown, source, issues.length - shown.length);
}

const EMPTY = 'is empty. Write at least one upstream, such as api-1: http://127.0.0.1:8001.';
const WRAPPED =
  'is one level too much: the file is what upstreams: takes. Leave out the line upstreams:, and unindent the rest.';

/** YAML's parser would hold the process for 200 ms over 4096 upstreams; JSON's takes 2 ms. */
function readJson(text: string): unknown {
  if (!/^\s*[[{]/.test(text)) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    // JSON.parse takes the last of two keys alike without a word; YAML's parser says where they stand.
    const dense = (written: string): number => written.replace(/\s+/g, '').length;
    return dense(JSON.stringify(value)) === dense(text) ? value : undefined;
  } catch {
    // It may be YAML, and if it is neither, YAML's parser says where.
    return undefined;
  }
}

function isWrapped(value: unknown): boolean {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return false;
  const { upstreams: inner, ...others } = value as Record<string, unknown>;
  return typeof inner === 'object' && inner !== null && !('url' in inner) && Object.keys(others).length === 0;
}
