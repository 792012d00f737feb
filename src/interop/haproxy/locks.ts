import { OTHER_PATH } from '../doors.js';
import { isHearsay } from '../hearsay.js';
import { Report } from '../report.js';
import { alternativesOf, conditions, type Acls, type Asked } from './conditions.js';
import type { Line } from './sections.js';

/** Fields that are taken away for the sake of the protocol, or that stickyroute writes itself. */
const HARMLESS_FIELDS =
  /^(?:x-forwarded-[\w-]+|x-real-ip|forwarded|connection|accept-encoding|upgrade|te|range|if-[\w-]+|expect|proxy|via|server|host)$/i;
/** What says who somebody is; a client could write it itself once HAProxy no longer does. */
const IDENTITY =
  /ssl_c_|ssl_fc_has_crt|http_auth|jwt_|req\.auth|var\((?:txn|req|sess)\.\w*(?:auth|user|role|group|jwt)/i;
/** Counters of a stick table: they slow somebody down, and keep nobody out for good. */
const RATE = /\bsc\d?_|\bsrc_(?:http_req|conn|get_gpc)|table_/;

/** Why a line keeps somebody out; undefined when it does not. */
export function lockOf({ words }: Line): string | undefined {
  const [name = '', action = '', third = ''] = words;
  const text = words.slice(0, 3).join(' ');
  if (name === 'http-request') {
    if (/^(?:auth|deny|reject|tarpit|silent-drop|block)$/.test(action))
      return RATE.test(words.join(' ')) ? undefined : `http-request ${action}: requests are kept out there`;
    if (action === 'return' && /\bstatus 4(?:01|03|04|05|10|51)\b/.test(words.join(' ')))
      return `${text}: requests are kept out there`;
    if (/^(?:lua\.|send-spoe-group|use-service)/.test(action))
      return `http-request ${action}: a program decides there`;
    if (/^(?:set|replace)-(?:path|pathq|uri)$/.test(action)) return `${text} ${OTHER_PATH}`;
    if (action === 'del-header' && !HARMLESS_FIELDS.test(third) && !isHearsay(third))
      return `${text}: the field is taken away there; it would pass here`;
    if (/^(?:set|add)-header$/.test(action) && IDENTITY.test(words.slice(3).join(' ')))
      return `${text} says who the client is there; a client could write it itself here`;
  }
  if (name === 'tcp-request' && /\b(?:reject|silent-drop)\b/.test(words.slice(2, 4).join(' ')))
    return RATE.test(words.join(' '))
      ? undefined
      : `${words.slice(0, 3).join(' ')}: connections are refused there`;
  if (/^reqi?rep$/.test(name)) return `${name} changes requests there, maybe their path`;
  if (/^(?:block|reqi?deny|reqi?tarpit|reqi?allow)$/.test(name))
    return `${name}: requests are kept out there`;
  if (name === 'filter' && action === 'spoe') return 'filter spoe: a program decides there';
  return undefined;
}

/** For which hosts and paths a line with `if` counts; what a route can't ask only narrows it further. */
export function lockScopes({ words, at }: Line, acls: Acls): Asked[] {
  const start = words.indexOf('if');
  if (start === -1) return [{}];
  return alternativesOf(words.slice(start + 1)).map((terms) => {
    let asked: Asked = {};
    for (const term of terms) {
      const found = conditions(
        ['if', ...(Array.isArray(term) ? ['{', ...term, '}'] : [term])],
        acls,
        at,
        new Report(),
      );
      if (typeof found !== 'string' && found.length === 1) asked = { ...found[0], ...asked };
    }
    return asked;
  });
}
