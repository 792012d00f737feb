/** Something found in a store that isn't ours or can't be read. It counts as absent, and is left as it is. */
export interface StoreFault {
  readonly kind: 'record' | 'index' | 'note' | 'subscription' | 'listener';
  /** Undefined where it concerns no single one. */
  readonly partition: number | undefined;
  /** As the caller named it. May be a secret: don't log it as it is. */
  readonly key: string | undefined;
  readonly reason: string;
  readonly cause?: unknown;
}

export type OnFault = (fault: StoreFault) => void;

/** Tells of a fault. A store goes on whatever its listener does, at once or later. */
export function report(onFault: OnFault | undefined, fault: StoreFault): void {
  try {
    const outcome: unknown = onFault?.(fault);
    if (outcome instanceof Promise) outcome.catch(() => {});
  } catch {
    // it is not heard again for this fault
  }
}
