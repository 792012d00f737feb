import type { HealthConfig, JsonScalar } from './config/config.js';
import { WELL, type Verdict } from './upstream-question.js';

/** What a probe makes of an answer. */
export interface AnswerJudge {
  judgeStatus(status: number): Verdict;
  /** Absent: the status decides. `isWhole` false: more came than is read. */
  readonly judgeBody?: ((body: Buffer, isWhole: boolean) => Verdict) | undefined;
}

const USUAL_STATUSES = [[200, 399]] as const;

/** Causes name what was wanted, and nothing of what came: the log takes no text from an upstream. */
export function answerJudge({ statuses = USUAL_STATUSES, contains, json }: HealthConfig): AnswerJudge {
  return {
    judgeStatus: (status) =>
      statuses.some(([from, to]) => status >= from && status <= to) ? WELL : failed(`status ${status}`),
    judgeBody:
      contains !== undefined
        ? (body) =>
            body.includes(contains) ? WELL : failed(`body without ${JSON.stringify(shortened(contains))}`)
        : json === undefined
          ? undefined
          : (body, isWhole) => (isWhole ? judgeJson(body, json) : failed('body too large')),
  };
}

function judgeJson(body: Buffer, wanted: Readonly<Record<string, JsonScalar>>): Verdict {
  let value: unknown;
  try {
    value = JSON.parse(body.toString('utf8'));
  } catch {
    return failed('body is no JSON');
  }
  for (const [name, is] of Object.entries(wanted))
    if (member(value, name) !== is) return failed(`${name} is not ${JSON.stringify(is)}`);
  return WELL;
}

/** A member by its name, or by names with dots between them. */
function member(value: unknown, name: string): unknown {
  if (!isObject(value)) return undefined;
  if (Object.hasOwn(value, name)) return value[name];
  let at: unknown = value;
  for (const part of name.split('.')) {
    if (!isObject(at) || !Object.hasOwn(at, part)) return undefined;
    at = at[part];
  }
  return at;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null;
}

function shortened(text: string): string {
  return text.length <= 40 ? text : `${text.slice(0, 40)}…`;
}

function failed(cause: string): Verdict {
  return { kind: 'failed', cause };
}
