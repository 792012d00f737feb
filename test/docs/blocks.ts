import { filesUnder, readText } from '../house/sources.js';

/** A fenced block of our Markdown. */
export interface Block {
  /** `docs/cache.md:6`. */
  readonly at: string;
  readonly page: string;
  /** `js`, `ts`, `yaml`, `sh` …; empty when the fence names none. */
  readonly language: string;
  /** Marked as a piece that does not run alone: `js fragment`. */
  readonly isFragment: boolean;
  readonly text: string;
}

/** Every fenced block of the pages that users read, in the order of the pages. */
export const blocks: readonly Block[] = [
  'README.md',
  'CONTRIBUTING.md',
  'SECURITY.md',
  ...filesUnder('docs', /\.md$/),
  ...filesUnder('examples', /\.md$/),
].flatMap((page) =>
  [...readText(page).matchAll(/^```([^\n`]*)\n([^]*?)^```$/gm)].map((match) => {
    const [language = '', ...marks] = match[1]!.trim().split(/\s+/);
    return {
      at: `${page}:${readText(page).slice(0, match.index).split('\n').length}`,
      page,
      language,
      isFragment: marks.includes('fragment'),
      text: match[2]!,
    };
  }),
);

export function blocksIn(...languages: readonly string[]): Block[] {
  return blocks.filter(({ language }) => languages.includes(language));
}
