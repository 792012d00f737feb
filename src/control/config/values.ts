import { z } from 'zod';
import { DURATION_FORM, parseDuration } from '../../base/duration.js';
import { kindOf } from './messages.js';

/** What a reader returns for a value that can't be used: what is wrong, and what to write. */
export class Wrong {
  readonly message: string;

  constructor(message: string) {
    this.message = message;
  }
}

/** A schema from a function that reads a value or says what is wrong with it. */
export function reads<T>(read: (value: unknown) => T | Wrong): z.ZodType<T> {
  return z.unknown().transform((value, context) => {
    const result = value === undefined || value === null ? new Wrong(absent(value)) : read(value);
    if (!(result instanceof Wrong)) return result;
    context.addIssue({ code: 'custom', message: result.message });
    return z.NEVER;
  });
}

export interface NumberBounds {
  readonly min: number;
  readonly max: number;
}

/** A whole number. Digits as text count too: that is what `${NAME}` gives. */
export function wholeNumberValue(bounds: NumberBounds): z.ZodType<number> {
  return reads((value) => {
    const number = toNumber(value);
    if (number === undefined)
      return new Wrong(`must be a whole number, not ${kindOf(value)}. ${range(bounds, String)}`);
    if (!Number.isInteger(number))
      return new Wrong(`must be a whole number, not ${number}. ${range(bounds, String)}`);
    return within(number, bounds, String);
  });
}

/** `30s` → milliseconds. */
export function duration(bounds: NumberBounds): z.ZodType<number> {
  return reads((value) => {
    if (typeof value === 'number')
      return new Wrong(`has no unit. Write ${value}s, or ${value}ms if milliseconds are meant.`);
    const ms = typeof value === 'string' ? parseDuration(value) : undefined;
    if (ms === undefined) return new Wrong(`is not a duration. Write ${DURATION_FORM}.`);
    return within(ms, bounds, durationText);
  });
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
};

/** `16KiB`, or a plain number of bytes → bytes. */
export function size(bounds: NumberBounds): z.ZodType<number> {
  return reads((value) => {
    const match = /^(\d{1,12}(?:\.\d{1,3})?) ?([A-Za-z]*)$/.exec(
      typeof value === 'number' ? String(value) : text(value),
    );
    if (match === null) return new Wrong('is not a size. Write a number of bytes, or 16KiB or 1MiB.');
    const unit = SIZE_UNITS[match[2]!];
    if (unit === undefined)
      return new Wrong(
        `has the unknown unit ${match[2]!.slice(0, 8)}. Write B, KiB, MiB or GiB: 16KiB is 16384 bytes.`,
      );
    return within(Math.round(Number(match[1]) * unit), bounds, sizeText);
  });
}

/** `50%` → 0.5. */
export const share: z.ZodType<number> = reads((value) => {
  const match = /^(\d{1,3}(?:\.\d{1,3})?) ?%$/.exec(text(value));
  if (match === null || Number(match[1]) > 100)
    return new Wrong('is not a share. Write one from 0% to 100%, with the percent sign, such as 50%.');
  return Number(match[1]) / 100;
});

/** `true` or `false`; as text too, for `${NAME}`. */
export const flag: z.ZodType<boolean> = reads((value) => {
  if (value === true || value === 'true') return true;
  if (value === false || value === 'false') return false;
  return new Wrong(`must be true or false, not ${kindOf(value)}.`);
});

/** Text that must say something. */
export function words(example: string): z.ZodType<string> {
  return reads((value) => {
    if (typeof value !== 'string') return new Wrong(`must be text, not ${kindOf(value)}. Write ${example}.`);
    return value.trim() === '' ? new Wrong(`is empty. Write ${example}.`) : value;
  });
}

export function toNumber(value: unknown): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' && /^-?\d{1,15}(?:\.\d{1,9})?$/.test(value) ? Number(value) : undefined;
}

export function absent(value: undefined | null): string {
  return value === undefined ? 'is missing. Add it.' : 'has no value. Write one, or leave the line out.';
}

/** 90000 → `90s`: the largest unit that divides it. */
export function durationText(ms: number): string {
  for (const [unit, unitMs] of [
    ['d', 86_400_000],
    ['h', 3_600_000],
    ['m', 60_000],
    ['s', 1000],
  ] as const) {
    if (ms >= unitMs && ms % unitMs === 0) return `${ms / unitMs}${unit}`;
  }
  return `${ms}ms`;
}

/** 16384 → `16KiB`: the largest unit that divides it. */
export function sizeText(bytes: number): string {
  for (const unit of ['GiB', 'MiB', 'KiB']) {
    if (bytes >= SIZE_UNITS[unit]! && bytes % SIZE_UNITS[unit]! === 0)
      return `${bytes / SIZE_UNITS[unit]!}${unit}`;
  }
  return String(bytes);
}

function within(value: number, bounds: NumberBounds, form: (value: number) => string): number | Wrong {
  if (value >= bounds.min && value <= bounds.max) return value;
  return new Wrong(`must be from ${form(bounds.min)} to ${form(bounds.max)}, not ${form(value)}.`);
}

function range(bounds: NumberBounds, form: (value: number) => string): string {
  return `Write one from ${form(bounds.min)} to ${form(bounds.max)}.`;
}

function text(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
