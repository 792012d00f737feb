/**
 * `stickyroute/testing`: what it takes to test rules, placements, balances, sources and stores of your own,
 * and code that takes a clock or a random source. The contract suites are plain lists of cases for any test
 * runner: `for (const { name, run } of …) test(name, run);`
 */
export { createManualClock } from './manual-clock.js';
export type { ManualClock } from './manual-clock.js';
export { seededRandom, shuffled } from './seeded-random.js';
export { fakePool } from './fake-pool.js';
export type { FakePoolOptions } from './fake-pool.js';
export { ruleContract } from './rule-contract.js';
export type { RuleSubject } from './rule-contract.js';
export { placementContract } from './placement-contract.js';
export type { PlacementPromises } from './placement-contract.js';
export { agreementContract } from './agreement-contract.js';
export type { AgreementPromises } from './agreement-contract.js';
export { balanceContract, balanceFacts } from './balance-contract.js';
export type { BalanceSubject } from './balance-contract.js';
export { sourceContract } from './source-contract.js';
export type { SourceContractOptions, SourceWorld } from './source-contract.js';
export { storeContract } from './store-contract.js';
export type { OpenStore, StoreSubject } from './store/subject.js';
export type { ContractCase } from './contract-case.js';
export { coherenceContract } from './coherence/coherence-contract.js';
export type { CoherenceSubject, CoherentCache, UserVisit } from './coherence/coherence-contract.js';
export type { GroundMember, MessageBus, TextStorage } from './coherence/coherence-ground.js';
