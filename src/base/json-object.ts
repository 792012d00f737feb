/** Refuses bytes that are not UTF-8, and keeps a byte order mark, which JSON does not allow. */
const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * The object that these bytes are as JSON; undefined for anything else, and for an object, at any depth, that
 * has one member twice. RFC 8259 §4 leaves open which of two counts: one reader takes the first, another the
 * last, and whoever checks one of them lets the other pass.
 */
export function readJsonObject(bytes: Uint8Array): Readonly<Record<string, unknown>> | undefined {
  try {
    const text = utf8.decode(bytes);
    const value: unknown = JSON.parse(text);
    if (typeof value !== 'object' || value === null || Array.isArray(value) || hasTwins(text))
      return undefined;
    return value as Record<string, unknown>;
  } catch {
    return undefined;
  }
}

/** Of text that is known to be JSON. */
function hasTwins(text: string): boolean {
  /** The objects and lists that are open, the innermost last: of an object its names so far. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case '{':
        open.push(new Set());
        break;
      case '[':
        open.push(undefined);
        break;
      case '}':
      case ']':
        open.pop();
        break;
      case '"': {
        const start = at++;
        while (text[at] !== '"') at += text[at] === '\\' ? 2 : 1;
        if (!isName(text, at + 1)) break;
        // Parsed, because "\u0061lg" and "alg" are one name.
        const name = JSON.parse(text.slice(start, at + 1)) as string;
        const names = open.at(-1)!;
        if (names.has(name)) return true;
        names.add(name);
      }
    }
  }
  return false;
}

/** Only a name has a colon behind it. */
function isName(text: string, from: number): boolean {
  let at = from;
  while (text[at] === ' ' || text[at] === '\n' || text[at] === '\t' || text[at] === '\r') at++;
  return text[at] === ':';
}
