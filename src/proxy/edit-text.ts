import type { RequestLine } from '../route/facts.js';

/** What a text with variables is filled in with. All of it was checked when it came. */
export interface EditFacts {
  readonly client: string;
  /** As the client sent it, with its port. */
  readonly host: string;
  /** Without it, in lower case. */
  readonly hostName: string;
  readonly scheme: string;
  readonly method: string;
  /** With the query. */
  readonly target: string;
  readonly requestId: string;
  readonly route: string;
  readonly upstream: string;
}

export type EditVariable = keyof EditFacts;

/** A text whose variables are known: texts, and the names of what stands between them. */
export interface EditText {
  readonly texts: readonly string[];
  readonly variables: readonly EditVariable[];
}

export function filledIn({ texts, variables }: EditText, facts: EditFacts): string {
  let text = texts[0]!;
  for (let at = 0; at < variables.length; at++) text += facts[variables[at]!] + texts[at + 1]!;
  return text;
}

/** What a request tells, beside what it is known by. */
interface Told {
  readonly head: { readonly host: string; readonly method: string };
  readonly clientAddress: string;
  readonly requestId: string;
  readonly route: { readonly name: string } | undefined;
  readonly upstreamId: string | undefined;
}

export function editFacts(request: Told, { isSecure, target, host }: RequestLine): EditFacts {
  const { head, clientAddress, requestId, route, upstreamId } = request;
  return {
    client: clientAddress,
    host: head.host,
    hostName: host,
    scheme: isSecure ? 'https' : 'http',
    method: head.method,
    target,
    requestId,
    route: route?.name ?? '',
    upstream: upstreamId ?? '',
  };
}
