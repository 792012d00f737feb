import assert from 'node:assert/strict';
import type { ContractCase } from './contract-case.js';
import { feedCases } from './store/feed.js';
import { indexCases } from './store/indexes.js';
import { modelCase } from './store/model.js';
import { recordCases } from './store/records.js';
import { requirementCases } from './store/requirements.js';
import type { OpenStore } from './store/subject.js';
import { timeCases } from './store/times.js';

/**
 * What every store keeps, as cases for any test runner. `open` gives an empty store each time. `readsNow`: it
 * has `readNow`.
 */
export function storeContract(
  open: OpenStore,
  { seed = 1, readsNow = false }: { readonly seed?: number; readonly readsNow?: boolean } = {},
): ContractCase[] {
  return [
    ...recordCases,
    ...requirementCases,
    ...timeCases,
    ...indexCases,
    ...feedCases,
    modelCase(seed),
  ].map(({ name, needsReadNow = false, run }) => ({
    name,
    ...(needsReadNow && !readsNow && { notApplicable: 'the store reads nothing at once' }),
    async run() {
      const subject = await open();
      try {
        if (needsReadNow && !readsNow)
          assert.equal(subject.store.readNow, undefined, 'It has readNow: give the suite readsNow: true.');
        else await run(subject);
      } finally {
        await subject.close();
      }
    },
  }));
}
