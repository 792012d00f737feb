import { fieldLine } from './field-line.js';
import { reasonPhrase } from './http1/reason.js';
import { filledIn, type EditFacts, type EditText } from './edit-text.js';
import type { OwnContent, Refusal } from './sides.js';
import type { RouteTally } from './tally.js';

/** What the gateway answers by itself, without an upstream: a redirect or a fixed answer. */
export interface OwnAnswer {
  readonly status: number;
  /** Stands in the log where a refusal has its reason. */
  readonly code: string;
  /** Where to, for a redirect. */
  readonly location: EditText | undefined;
  readonly content: OwnContent | undefined;
}

/** A route that the gateway answers by itself. */
export interface AnsweringRoute {
  readonly name: string;
  readonly pool: undefined;
  readonly answer: OwnAnswer;
  readonly tally: RouteTally;
}

/** What a refusal says where nobody wrote a page for it. */
export function refusalContent(status: number, code: string): OwnContent {
  return { type: 'text/plain; charset=utf-8', bytes: `${status} ${reasonPhrase(status)}: ${code}\n` };
}

export function ownRefusal({ status, code, location, content }: OwnAnswer, facts: EditFacts): Refusal {
  return {
    status,
    code,
    fields: location === undefined ? '' : fieldLine('Location', filledIn(location, facts)),
    content,
  };
}
