import type { Report } from '../interop/report.js';
import { EXIT, type TextSink } from './surroundings.js';

/** The last line of an import or export, how many notes of which kind there are, and the exit code. */
export function sayEnd(
  report: Report,
  stderr: TextSink,
  { strict, accept }: { readonly strict: boolean; readonly accept: boolean },
): number {
  const { summary } = report;
  if (summary === undefined) return EXIT.ok;
  const mustLook = report.count('door') > 0 && !accept;
  stderr.write(
    `stickyroute: ${summary}.${mustLook ? ' Look at those that open a door; --accept takes them as they are.' : ''}\n`,
  );
  return mustLook || (strict && !(accept && isOnlyDoors(report))) ? EXIT.incomplete : EXIT.ok;
}

/** Is there nothing beside what `--accept` takes? */
function isOnlyDoors(report: Report): boolean {
  return report.count('change') + report.count('harmless') === 0;
}
