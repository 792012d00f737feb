import { WELL, type Verdict } from './upstream-question.js';

/** Of the health-checking protocol of gRPC (grpc.health.v1, `Health/Check`). */
export const HEALTH_PATH = '/grpc.health.v1.Health/Check';

const STATUS_NAMES = ['UNKNOWN', 'SERVING', 'NOT_SERVING', 'SERVICE_UNKNOWN'];
const SERVING = 1;

/** `HealthCheckRequest { string service = 1 }`, as one message of gRPC: a flag, a length, the bytes. */
export function healthRequest(service: string): Buffer {
  const name = Buffer.from(service, 'utf8');
  const message = service === '' ? name : Buffer.concat([Buffer.from([0x0a, name.length]), name]);
  const head = Buffer.alloc(5);
  head.writeUInt32BE(message.length, 1);
  return Buffer.concat([head, message]);
}

/** SERVING alone is well. */
export function judgeHealth(
  status: number,
  fields: Readonly<Record<string, unknown>>,
  body: Buffer,
): Verdict {
  if (status !== 200) return { kind: 'failed', cause: `status ${status}` };
  const code = fields['grpc-status'];
  if (code !== '0') return { kind: 'failed', cause: `grpc-status ${String(code)}` };
  const served = servingStatus(body);
  if (served === SERVING) return WELL;
  return {
    kind: 'failed',
    cause: served === undefined ? 'no health answer' : (STATUS_NAMES[served] ?? String(served)),
  };
}

/** `HealthCheckResponse { ServingStatus status = 1 }`; a message that lacks it means 0. */
function servingStatus(body: Buffer): number | undefined {
  if (body.length < 5 || body[0] !== 0 || body.readUInt32BE(1) !== body.length - 5) return undefined;
  if (body.length === 5) return 0;
  return body.length === 7 && body[5] === 0x08 && body[6]! < 0x80 ? body[6] : undefined;
}
