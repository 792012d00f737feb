import { OUTCOMES, WHYS } from '../route/outcome.js';

/** One field of a log line. The names are public: never renamed quietly, never reused. */
export interface LogField {
  readonly name: string;
  /** `text`, or what a number counts. */
  readonly unit: 'text' | 'ms' | 'ms since 1970' | 'bytes' | 'count' | 'status' | 'process id' | 'level';
  readonly meaning: string;
  readonly when: string;
}

function oneOf(words: readonly string[]): string {
  return words.map((word) => `\`${word}\``).join(', ');
}

/** Of a line that tells of a request. In the order in which they stand in it. */
export const REQUEST_FIELDS: readonly LogField[] = [
  { name: 'level', unit: 'level', meaning: '30', when: 'always' },
  {
    name: 'worker',
    unit: 'process id',
    meaning: 'the process that wrote the line',
    when: 'with several `workers`',
  },
  { name: 'time', unit: 'ms since 1970', meaning: 'when the request was over', when: 'always' },
  {
    name: 'requestId',
    unit: 'text',
    meaning: 'X-Request-Id as the upstream got it: a new one, or a trusted proxy’s',
    when: 'unless `refused`',
  },
  { name: 'client', unit: 'text', meaning: 'the client’s address, after `trustedProxies`', when: 'always' },
  {
    name: 'protocol',
    unit: 'text',
    meaning: 'what the client spoke: `HTTP/1.0`, `HTTP/1.1` or `HTTP/2`',
    when: 'unless `refused`',
  },
  { name: 'method', unit: 'text', meaning: 'of the request', when: 'unless `refused`' },
  { name: 'host', unit: 'text', meaning: 'of the request, cut at 255 characters', when: 'unless `refused`' },
  {
    name: 'path',
    unit: 'text',
    meaning: 'cut at 1024 characters; without the query, since tokens travel in it',
    when: 'unless `refused`',
  },
  {
    name: 'status',
    unit: 'status',
    meaning: 'what the client was told; 499 when the client had gone',
    when: 'always',
  },
  { name: 'route', unit: 'text', meaning: 'its name', when: 'when a route fitted' },
  {
    name: 'upstream',
    unit: 'text',
    meaning: 'the id of the upstream tried last',
    when: 'when one was tried',
  },
  {
    name: 'outcome',
    unit: 'text',
    meaning: oneOf(OUTCOMES),
    when: 'when a route fitted',
  },
  { name: 'rule', unit: 'text', meaning: 'the rule that decided', when: 'unless the balance decided' },
  {
    name: 'why',
    unit: 'text',
    meaning: oneOf(WHYS),
    when: 'when something found was not followed',
  },
  {
    name: 'from',
    unit: 'text',
    meaning: 'the id of the upstream that the user belongs to, or did until now',
    when: 'when another served it',
  },
  {
    name: 'ended',
    unit: 'text',
    meaning: '`draining`: a tunnel or an event stream was ended, since its user left the upstream',
    when: 'when a drain did that',
  },
  {
    name: 'fault',
    unit: 'text',
    meaning: 'what the last upstream tried did wrong, see below',
    when: 'when it gave no whole answer',
  },
  {
    name: 'cause',
    unit: 'text',
    meaning: 'the code of the error behind `fault`: `ECONNREFUSED`, `CERT_HAS_EXPIRED` …',
    when: 'when there was an error',
  },
  {
    name: 'answerMs',
    unit: 'ms',
    meaning: 'from the request’s head to the answer’s head',
    when: 'when an upstream answered',
  },
  {
    name: 'traceId',
    unit: 'text',
    meaning: 'the trace that the request belongs to: 32 hexadecimal digits of its `traceparent`',
    when: 'when that is well-formed',
  },
  {
    name: 'share',
    unit: 'count',
    meaning: 'the share of such lines that is written: 0.1 stands for ten requests',
    when: 'with `sample`',
  },
  { name: 'tries', unit: 'count', meaning: 'upstreams tried', when: 'unless `refused`' },
  { name: 'requestBytes', unit: 'bytes', meaning: 'the request’s body', when: 'unless `refused`' },
  {
    name: 'answeredBytes',
    unit: 'bytes',
    meaning: 'sent to the client, head and framing included',
    when: 'unless `refused`',
  },
  { name: 'totalMs', unit: 'ms', meaning: 'from the request’s head to its end', when: 'unless `refused`' },
  { name: 'refused', unit: 'text', meaning: '[why](#reasons) the head was refused', when: 'when it was' },
];

/** Of a line that tells of something else: those that a program may want to read. */
export const EVENT_FIELDS: readonly LogField[] = [
  { name: 'level', unit: 'level', meaning: '30, 40 for a warning, 50 for an error', when: 'always' },
  { name: 'time', unit: 'ms since 1970', meaning: 'when it happened', when: 'always' },
  { name: 'msg', unit: 'text', meaning: 'what happened, for people', when: 'always' },
  { name: 'pool', unit: 'text', meaning: 'its name', when: 'a condition changed' },
  { name: 'upstream', unit: 'text', meaning: 'its id', when: 'a condition changed' },
  { name: 'from', unit: 'text', meaning: '`up`, `down` or `trial`', when: 'a condition changed' },
  { name: 'to', unit: 'text', meaning: '`up`, `down` or `trial`', when: 'a condition changed' },
  {
    name: 'why',
    unit: 'text',
    meaning: '`probesFailed`, `requestsFailed`, `timeoutPassed`, `trialSucceeded` …',
    when: 'a condition changed',
  },
  {
    name: 'cause',
    unit: 'text',
    meaning: 'what was met last: an error’s code, `timeout`, `status 503`',
    when: 'a condition changed by a failure',
  },
  { name: 'limit', unit: 'text', meaning: '`connections` or `openFiles`', when: 'a limit was reached' },
  {
    name: 'count',
    unit: 'count',
    meaning: 'how often since the last such line',
    when: 'a limit was reached',
  },
  { name: 'dropped', unit: 'count', meaning: 'lines that are missing', when: 'the log is written again' },
  {
    name: 'worker',
    unit: 'process id',
    meaning: 'the worker that it is about or from',
    when: 'with several `workers`',
  },
  { name: 'restartMs', unit: 'ms', meaning: 'after which another starts', when: 'a worker ended' },
];
