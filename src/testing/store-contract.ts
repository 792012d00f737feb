import type { ContractCase } from './contract-case.js';
import { feedCases } from './store/feed.js';
import { indexCases } from './store/indexes.js';
import { modelCase } from './store/model.js';
import { recordCases } from './store/records.js';
import { requirementCases } from './store/requirements.js';
import type { OpenStore } from './store/subject.js';
import { timeCases } from './store/times.js';

/** What every store keeps, as cases for any test runner. `open` gives an empty store each time. */
export function storeContract(
  open: OpenStore,
  { seed = 1 }: { readonly seed?: number } = {},
): ContractCase[] {
  return [
    ...recordCases,
    ...requirementCases,
    ...timeCases,
    ...indexCases,
    ...feedCases,
    modelCase(seed),
  ].map(({ name, run }) => ({
    name,
    async run() {
      const subject = await open();
      try {
        await run(subject);
      } finally {
        await subject.close();
      }
    },
  }));
}
