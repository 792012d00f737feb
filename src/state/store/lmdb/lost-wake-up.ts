/**
 * Makes every thread of this process that waits for a lock look at it again.
 *
 * The lock of LMDB wakes one waiter when it is let go. If another takes it first and the one that was
 * woken is killed before it looks, nobody is woken any more: the others sleep beside a lock that is free.
 * A signal ends that sleep. The C libraries of Linux (glibc, musl) send one to each thread when an id of
 * the process is set, and the same id may always be set. Elsewhere it does nothing.
 */
export function wakeWaitingThreads(): void {
  if (process.platform !== 'linux') return;
  try {
    process.setegid?.(process.getegid!());
  } catch {
    // In a worker thread, for one. The time limit ends what waits there.
  }
}
