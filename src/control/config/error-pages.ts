import { z } from 'zod';
import { toByteString } from '../../base/framed-key.js';
import type { FileReader } from './certificates.js';
import type { ErrorPages } from './config.js';
import { kindOf } from './messages.js';
import { nested } from './nested.js';
import type { Issue } from './problem.js';
import { words } from './values.js';

/** The path of a page by the status that it is for; `default` for all others. */
export type PageFiles = ReadonlyMap<number | 'default', string>;

const PAGE_BYTES_MAX = 256 * 1024;

const file = words('errorPages: error.html');

/** `error.html`, or `{ 503: busy.html, default: error.html }`. */
export const errorPages: z.ZodType<PageFiles> = z.unknown().transform((value, context) => {
  if (typeof value === 'string') {
    const one = nested(file, value, context);
    return one === undefined ? z.NEVER : new Map([['default' as const, one]]);
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    context.addIssue({
      code: 'custom',
      message: `must be the path of a page, or a set of statuses and paths, not ${kindOf(value)}. Write errorPages: error.html.`,
    });
    return z.NEVER;
  }
  return new Map(
    Object.entries(value).flatMap(([written, path]): [number | 'default', string][] => {
      const status =
        written === 'default' ? written : /^[45]\d\d$/.test(written) ? Number(written) : undefined;
      if (status === undefined)
        context.addIssue({
          code: 'custom',
          path: [written],
          message: 'is no status of an error. Write one from 400 to 599, or default.',
        });
      const read = nested(file, path, context, [written]);
      return status === undefined || read === undefined ? [] : [[status, read]];
    }),
  );
});

/** Reads the pages, so that a running gateway depends on no file. */
export function readPages(files: FileReader, pages: PageFiles | undefined, issues: Issue[]): ErrorPages {
  return new Map(
    [...(pages ?? [])].flatMap(([status, path]): [number | 'default', string][] => {
      const at = ['errorPages', ...(pages?.size === 1 && status === 'default' ? [] : [String(status)])];
      const page = files.read(path, at, issues);
      if (page === undefined) return [];
      const bytes = toByteString(page.text);
      if (bytes.length <= PAGE_BYTES_MAX) return [[status, bytes]];
      issues.push({
        path: at,
        message: `names ${page.file}, which has more than ${PAGE_BYTES_MAX} bytes. Link to images and styles instead.`,
      });
      return [];
    }),
  );
}
