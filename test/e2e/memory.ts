import { existsSync, readFileSync } from 'node:fs';

/** Where the kernel tells what a process holds; elsewhere these tests have nothing to measure with. */
export const hasProc = existsSync('/proc/self/status');

/** Resident memory of a process in bytes: now, and the most it ever was. */
export function memoryOf(pid: number): { readonly now: number; readonly most: number } {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8');
  const bytes = (field: string): number =>
    Number(new RegExp(`^${field}:\\s+(\\d+) kB$`, 'm').exec(status)![1]) * 1024;
  return { now: bytes('VmRSS'), most: bytes('VmHWM') };
}

export function mebibytes(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
