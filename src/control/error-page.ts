import { reasonPhrase } from '../proxy/http1/reason.js';
import type { SiteSettings } from '../proxy/site.js';
import type { ErrorPages } from './config/config.js';

const HTML = 'text/html; charset=utf-8';

/**
 * The pages for browsers. Whoever asks for HTML gets one: other clients read the line of text, or nothing.
 * `{status}`, `{reason}` and `{code}` are filled in; none of them is what a client sent.
 */
export function pagesOf(pages: ErrorPages): SiteSettings['pageFor'] {
  if (pages.size === 0) return () => undefined;
  return (status, code, accept) => {
    const page = status < 400 ? undefined : (pages.get(status) ?? pages.get('default'));
    if (page === undefined || !takesHtml(accept)) return undefined;
    const known: Readonly<Record<string, string>> = {
      status: String(status),
      reason: reasonPhrase(status),
      code,
    };
    return {
      type: HTML,
      bytes: page.replaceAll(/\{(status|reason|code)\}/g, (_, name: string) => known[name]!),
    };
  };
}

/** Browsers name HTML when they open a page; fetch, curl and health checks send every type or none. */
function takesHtml(accept: string | undefined): boolean {
  return accept !== undefined && /(?:^|,)\s*text\/html\s*(?:[,;]|$)/i.test(accept);
}
