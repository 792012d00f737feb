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

/** Tells of a fault; one that throws at that is not heard again for this fault. */
export function report(onFault: OnFault | undefined, fault: StoreFault): void {
  try {
    onFault?.(fault);
  } catch {
    // a store goes on whatever its listeners do
  }
}
