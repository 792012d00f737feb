import { createInterface } from 'node:readline/promises';

/** A person to ask. */
export interface Terminal {
  /** Undefined: there is no answer any more (Ctrl-C, Ctrl-D). */
  ask(question: string): Promise<string | undefined>;
  close(): void;
}

/** Asks on standard error, so that standard output can go into a file. */
export function openTerminal(): Terminal {
  const lines = createInterface({ input: process.stdin, output: process.stderr });
  lines.on('SIGINT', () => lines.close());
  // Not `question`: it loses what was typed or pasted ahead of it.
  const answers = lines[Symbol.asyncIterator]();
  return {
    async ask(question) {
      lines.setPrompt(question);
      lines.prompt();
      const { done, value } = await answers.next();
      return done === true ? undefined : value;
    },
    close: () => lines.close(),
  };
}
