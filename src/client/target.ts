import { invalidCall } from './invalid-call.js';

/** As long as a request's head may be at the gateway. */
const TARGET_CHARS_MAX = 16 * 1024;

const DOT_SEGMENT = /\/(?:\.|%2e){1,2}(?:[/?]|$)/i;

/**
 * A path that says what it seems to say. A URL parser walks up at `..`, also where it is written `%2e%2e`,
 * takes `\` for `/`, and drops tabs and line ends: an id put into a path must not lead out of it.
 * `encodeURIComponent` lets `..` through.
 */
export function checkTarget(target: string): string {
  if (typeof target !== 'string' || !target.startsWith('/'))
    throw invalidCall('The path must be text that begins with a slash, such as /internal/users/42.');
  if (target.length > TARGET_CHARS_MAX)
    throw invalidCall(
      `The path has ${target.length} characters; at most ${TARGET_CHARS_MAX} are sent. Put what is long into the body.`,
    );
  if (/[\u0000-\u0020\u007f\\#]/.test(target))
    throw invalidCall(
      'The path holds a space, a backslash, a # or a control character. Escape what you put into it with encodeURIComponent.',
    );
  const query = target.indexOf('?');
  if (DOT_SEGMENT.test(query === -1 ? target : target.slice(0, query)))
    throw invalidCall(
      'The path holds the segment . or .., which would lead to another path. Refuse such an id before you put it into a path.',
    );
  return target;
}
