/** Statuses of gRPC (https://grpc.github.io/grpc/core/md_doc_statuscodes.html). */
const UNKNOWN = 2;
const DEADLINE_EXCEEDED = 4;
const PERMISSION_DENIED = 7;
const RESOURCE_EXHAUSTED = 8;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;
const UNAVAILABLE = 14;
const UNAUTHENTICATED = 16;

/**
 * What a call is told in place of an HTTP status: as gRPC's clients translate one themselves
 * (http-grpc-status-mapping.md), but for statuses that say more here. With 504 the upstream has taken the
 * call and not answered in time: UNAVAILABLE would invite clients to send it again.
 */
const STATUSES: ReadonlyMap<number, number> = new Map([
  [400, INTERNAL],
  [401, UNAUTHENTICATED],
  [403, PERMISSION_DENIED],
  [404, UNIMPLEMENTED],
  [405, INTERNAL],
  [408, DEADLINE_EXCEEDED],
  [413, RESOURCE_EXHAUSTED],
  [429, UNAVAILABLE],
  [431, RESOURCE_EXHAUSTED],
  [502, UNAVAILABLE],
  [503, UNAVAILABLE],
  [504, DEADLINE_EXCEEDED],
]);

/** The field lines of a call's refusal, which is a head and nothing else ("Trailers-Only"). */
export function grpcRefusal(status: number, code: string): string {
  return `content-type: application/grpc\r\ngrpc-status: ${STATUSES.get(status) ?? UNKNOWN}\r\ngrpc-message: ${code}\r\n`;
}
