/* Entry point `tintype/testing`: test helpers for programs that use tintype or implement a journal. */
export { type ContractCase, journalContract } from './testing/journal-contract.ts';
export { seededRandom } from './testing/seeded-random.ts';
export { type VirtualClock, virtualClock } from './testing/virtual-clock.ts';
