import { findField } from './http1/fields.js';

/** What passes before a first try is nobody's loss. */
const NOTICEABLE_MS = 5;

const UNITS_MS: Readonly<Record<string, number>> = {
  H: 3_600_000,
  M: 60_000,
  S: 1000,
  m: 1,
  u: 1e-3,
  n: 1e-6,
};

/** The time that a gRPC call has left, by its field; Infinity when it has none that can be read. */
export function grpcTimeoutMs(fields: string): number {
  const match = /^(\d{1,8})([HMSmun])$/.exec(findField(fields, 0, 'grpc-timeout') ?? '');
  return match === null ? Infinity : Number(match[1]) * UNITS_MS[match[2]!]!;
}

/** The fields of a call of which so much time has passed already: another try has what is left. */
export function withLessTime(fields: string, passedMs: number): string {
  if (passedMs < NOTICEABLE_MS) return fields;
  const timeoutMs = grpcTimeoutMs(fields);
  if (timeoutMs === Infinity) return fields;
  const leftMs = Math.max(1, Math.ceil(timeoutMs - passedMs));
  // Eight digits at the most (gRPC over HTTP/2, "Timeout").
  const left = leftMs < 1e8 ? `${leftMs}m` : `${Math.ceil(leftMs / 1000)}S`;
  return fields.replace(/^grpc-timeout:[^\r]*/im, `grpc-timeout: ${left}`);
}
