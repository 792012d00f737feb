import type { CountedRequest } from '../../proxy/tally.js';
import { OUTCOMES, type Outcome } from '../../route/outcome.js';
import { HISTOGRAM_NUMBERS, histogramAt, observe, type Histogram } from './histogram.js';

/** By the first digit of the status; the first is for a status that HTTP doesn't have. */
export const STATUS_CLASSES = ['none', '1xx', '2xx', '3xx', '4xx', '5xx'] as const;
export type StatusClass = (typeof STATUS_CLASSES)[number];

/** A request for which no route was found has no outcome: it stands behind the others. */
const OUTCOME_COUNT = OUTCOMES.length + 1;

const CLASS_COUNT = STATUS_CLASSES.length;

// One row: how often each outcome ended with each class of status, two histograms, some sums.
const REQUEST_TIME_AT = OUTCOME_COUNT * CLASS_COUNT;
const ANSWER_TIME_AT = REQUEST_TIME_AT + HISTOGRAM_NUMBERS;
const REQUEST_BYTES_AT = ANSWER_TIME_AT + HISTOGRAM_NUMBERS;
const ANSWERED_BYTES_AT = REQUEST_BYTES_AT + 1;
const RETRIES_AT = REQUEST_BYTES_AT + 2;
const CLIENTS_GONE_AT = REQUEST_BYTES_AT + 3;
export const ROW_NUMBERS = REQUEST_BYTES_AT + 4;

const CLIENT_GONE = 499;

/** A request that is over, as far as a row counts it. */
export type RowRequest = Omit<CountedRequest, 'decision' | 'tally'>;

/** What a row says. */
export interface RequestSums {
  /** Without those that are 0. A request without route has no outcome. */
  readonly ended: readonly {
    readonly outcome: Outcome | undefined;
    readonly statusClass: StatusClass;
    readonly count: number;
  }[];
  /** From the head of the request to its end. Tunnels are not in it. */
  readonly requestTime: Histogram;
  /** From the last try to the head of its answer. */
  readonly answerTime: Histogram;
  readonly requestBytes: number;
  readonly answeredBytes: number;
  /** Tries after the first. */
  readonly retries: number;
  /** The client was gone before its answer was whole. */
  readonly clientsGone: number;
}

export function countRequest(row: Float64Array, outcome: Outcome | undefined, request: RowRequest): void {
  const { status, tries, answeredAt } = request;
  row[placeOf(outcome) * CLASS_COUNT + classOf(status)]!++;
  if (!request.isUpgraded) observe(row, REQUEST_TIME_AT, request.endedAt - request.startedAt);
  if (answeredAt !== 0) observe(row, ANSWER_TIME_AT, answeredAt - request.triedAt);
  row[REQUEST_BYTES_AT]! += request.requestBytes;
  row[ANSWERED_BYTES_AT]! += request.answeredBytes;
  if (tries > 1) row[RETRIES_AT]! += tries - 1;
  if (status === CLIENT_GONE) row[CLIENTS_GONE_AT]!++;
}

/** An upstream may answer with 999. */
function classOf(status: number): number {
  const digit = (status / 100) | 0;
  return digit < CLASS_COUNT ? digit : 0;
}

/** Names of the program's own are compared by address; a search by text would cost more than the counting. */
function placeOf(outcome: Outcome | undefined): number {
  switch (outcome) {
    case 'bound':
      return 0;
    case 'keyed':
      return 1;
    case 'balanced':
      return 2;
    default:
      return outcome === undefined ? OUTCOME_COUNT - 1 : OUTCOMES.indexOf(outcome);
  }
}

/** What a refused head counts as: nothing is known of it but its status. */
export function countRefused(row: Float64Array, status: number): void {
  row[(OUTCOME_COUNT - 1) * CLASS_COUNT + classOf(status)]!++;
}

export function sumsOf(row: Float64Array): RequestSums {
  const ended = Array.from({ length: OUTCOME_COUNT * CLASS_COUNT }, (_, at) => ({
    outcome: OUTCOMES[Math.floor(at / CLASS_COUNT)],
    statusClass: STATUS_CLASSES[at % CLASS_COUNT]!,
    count: row[at]!,
  })).filter(({ count }) => count > 0);
  return {
    ended,
    requestTime: histogramAt(row, REQUEST_TIME_AT),
    answerTime: histogramAt(row, ANSWER_TIME_AT),
    requestBytes: row[REQUEST_BYTES_AT]!,
    answeredBytes: row[ANSWERED_BYTES_AT]!,
    retries: row[RETRIES_AT]!,
    clientsGone: row[CLIENTS_GONE_AT]!,
  };
}
