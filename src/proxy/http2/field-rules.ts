/** Between two neighbours of HTTP/1.1: a message of HTTP/2 that has one is malformed (RFC 9113 §8.2.2). */
const CONNECTION_FIELDS = new Set([
  'connection',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

const NAME = /^[!#$%&'*+\-.^_`|~0-9a-z]+$/;
/** Visible characters, blanks, obs-text; none of the blanks outside (RFC 9113 §8.2.1). */
const VALUE = /^(?:[!-~\x80-\xff](?:[\t -~\x80-\xff]*[!-~\x80-\xff])?)?$/;

/** What is wrong with a field of a request, an answer or a trailer section; `undefined`: nothing. */
export function faultOfField(name: string, value: string): BadField | undefined {
  if (!NAME.test(name)) return 'field-name';
  if (!VALUE.test(value)) return 'field-value';
  return CONNECTION_FIELDS.has(name) ? 'connection-field' : undefined;
}

export type BadField = 'field-name' | 'field-value' | 'connection-field';
