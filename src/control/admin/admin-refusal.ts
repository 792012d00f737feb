import { ConfigError } from '../config/problem.js';
import { StickyError, type StickyErrorCode } from '../../base/errors.js';
import { OperationRefused } from '../operations.js';

/** What the admin API answers instead of what was asked for. */
export interface AdminRefusal {
  readonly status: number;
  readonly code: StickyErrorCode;
  readonly message: string;
  readonly fields?: Readonly<Record<string, string>> | undefined;
  /** Where a configuration is wrong. */
  readonly problems?: ConfigError['problems'] | undefined;
}

/** Thrown by an endpoint for a request that can't be met. */
export class AdminRefused extends StickyError {
  readonly httpStatus: number;
  readonly fields: AdminRefusal['fields'];

  constructor(httpStatus: number, message: string, fields?: AdminRefusal['fields']) {
    super('STICKY_ADMIN_REFUSED', message);
    this.name = 'AdminRefused';
    this.httpStatus = httpStatus;
    this.fields = fields;
  }
}

const STATUS_OF_REASON = { unknown: 404, invalid: 400, conflict: 409 } as const;

/** `undefined` for what is a fault of our own. */
export function refusalOf(error: unknown): AdminRefusal | undefined {
  if (!(error instanceof StickyError)) return undefined;
  const { code, message } = error;
  if (error instanceof AdminRefused) return { status: error.httpStatus, code, message, fields: error.fields };
  if (error instanceof OperationRefused) return { status: STATUS_OF_REASON[error.reason], code, message };
  if (error instanceof ConfigError) return { status: 422, code, message, problems: error.problems };
  // A weight that this pool's placement can't have.
  const isConflict = code === 'STICKY_PLACEMENT_INVALID' || code === 'STICKY_POOL_INVALID';
  return { status: isConflict ? 409 : 422, code, message };
}
