/** What `POST /explain` takes. */
export interface PastedRequest {
  readonly url?: string;
  readonly method?: string;
  readonly host?: string;
  readonly headers?: readonly (readonly [name: string, value: string])[];
  readonly cookie?: string;
}

const NAME = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}$/;
const METHOD_LINE = /^([A-Z]{3,16}) +(\S+)(?: +HTTP\/[\d.]+)?$/;

/**
 * Reads whatever somebody has at hand: a URL, a path, `Name: value`, `name=value; other=value`, `-H` of a
 * curl command, or a whole head. Answers what can't be read, if there is such a line.
 */
export function pastedRequest(text: string): PastedRequest | { readonly problem: string } {
  const headers: [string, string][] = [];
  const cookies: string[] = [];
  let url: string | undefined;
  let method: string | undefined;
  let host: string | undefined;
  for (const raw of text.split(/\r?\n/)) {
    const line = unquoted(raw.trim());
    if (line === '') continue;
    const start = METHOD_LINE.exec(line);
    const colon = line.indexOf(':');
    const name = line.slice(0, colon).trim();
    if (start !== null) [, method, url] = start;
    else if (/^https?:\/\//i.test(line) || line.startsWith('/')) url = line;
    else if (colon > 0 && NAME.test(name) && !line.slice(0, colon).includes('=')) {
      const value = line.slice(colon + 1).trim();
      const lower = name.toLowerCase();
      if (lower === 'cookie') cookies.push(value);
      else if (lower === 'set-cookie') cookies.push(value.split(';', 1)[0]!);
      else if (lower === 'host') host = value;
      else headers.push([name, value]);
    } else if (/^[^=\s;]+=/.test(line)) cookies.push(line.replace(/;\s*$/, ''));
    else
      return { problem: `“${line.slice(0, 60)}” is no URL, no path, no “Name: value” and no “name=value”.` };
  }
  if (url === undefined && headers.length === 0 && cookies.length === 0 && host === undefined)
    return { problem: 'Paste a cookie, a header or a URL.' };
  return {
    ...(url !== undefined && { url }),
    ...(method !== undefined && { method }),
    ...(host !== undefined && { host }),
    ...(headers.length > 0 && { headers }),
    ...(cookies.length > 0 && { cookie: cookies.join('; ') }),
  };
}

/** `-H 'Cookie: a=b' \` of a curl command is `Cookie: a=b`; `curl 'http://…'` is the URL. */
function unquoted(line: string): string {
  const bare = line.replace(/^curl\s+/, '').replace(/\s*\\$/, '');
  const option = /^(?:-H|--header)[ =]?(.*)$/.exec(bare);
  const cookie = /^(?:-b|--cookie)[ =]?(.*)$/.exec(bare);
  const value = (option ?? cookie)?.[1] ?? bare;
  return /^(['"]).*\1$/.test(value) ? value.slice(1, -1) : value;
}
