import { writeSync } from 'node:fs';
import type { Reporter, TestCase, TestModule, TestSuite, Vitest } from 'vitest/node';

type SerializedErrors = Parameters<NonNullable<Reporter['onTestRunEnd']>>[1];
type Reason = Parameters<NonNullable<Reporter['onTestRunEnd']>>[2];

/** `skipUnless` writes the reason into a suite's name in this form. */
const SKIP_MARK = /\[skipped: (.+?)\]/;

/**
 * Ends a run with the plain line `N passed, N failed` (`, N skipped`), after everything else. What can hide a
 * failure counts as one: a file that does not load, a hook that throws, an unhandled error, a run without
 * tests, and, with CI=true, a skip.
 */
export default class ClosingLine implements Reporter {
  #vitest: Vitest | undefined;
  #closing: string | undefined;

  onInit(vitest: Vitest): void {
    this.#vitest = vitest;
    // At exit, so that no other reporter and no warning comes behind it.
    process.on('exit', () => {
      if (this.#closing !== undefined) writeSync(1, this.#closing);
    });
  }

  onTestRunEnd(modules: readonly TestModule[], unhandled: SerializedErrors, reason: Reason): void {
    const isCi = process.env['CI'] === 'true';
    // With `-t` the rest is skipped because the user asked for it.
    const isNarrowed = this.#vitest?.getGlobalTestNamePattern?.() !== undefined;
    let passed = 0;
    let failed = unhandled.length;
    const skipped: string[] = [];
    for (const module of modules) {
      failed += [module, ...module.children.allSuites()].filter((part) => part.errors().length > 0).length;
      for (const test of module.children.allTests()) {
        const { state } = test.result();
        if (state === 'passed') passed++;
        else if (state === 'failed') failed++;
        else if (!failedAbove(test))
          skipped.push(
            `${test.module.relativeModuleId} > ${test.fullName.replace(SKIP_MARK, '').trim()}: ${skipReason(test)}`,
          );
      }
    }
    const lines: string[] = [];
    if (skipped.length > 0 && !isNarrowed) lines.push('', 'Skipped:', ...skipped.map((line) => `  ${line}`));
    if (skipped.length > 0 && isCi) {
      lines.push('With CI=true a skipped test counts as failed: install what it needs, or delete it.');
      failed += skipped.length;
      skipped.length = 0;
    }
    if (passed + failed === 0 && (skipped.length === 0 || isNarrowed)) {
      lines.push('No test was run.');
      failed++;
    }
    if (reason === 'interrupted') {
      lines.push('The run was interrupted.');
      failed++;
    }
    if (failed > 0) process.exitCode = 1;
    lines.push(
      `${passed} passed, ${failed} failed${skipped.length > 0 ? `, ${skipped.length} skipped` : ''}`,
    );
    this.#closing = `${lines.join('\n')}\n`;
    if (this.#vitest?.config.watch === true) {
      writeSync(1, this.#closing);
      this.#closing = undefined;
    }
  }
}

/** A test that did not run because a hook or the file above it failed; that is counted already. */
function failedAbove(test: TestCase): boolean {
  let above: TestSuite | TestModule = test.parent;
  for (;;) {
    if (above.errors().length > 0) return true;
    if (above.type === 'module') return false;
    above = above.parent;
  }
}

function skipReason(test: TestCase): string {
  const result = test.result();
  const note = result.state === 'skipped' ? result.note : undefined;
  return (
    note ??
    SKIP_MARK.exec(test.fullName)?.[1] ??
    'no reason given; use skipUnless(program), or context.skip(reason)'
  );
}
