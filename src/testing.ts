/* Entry point `tintype/testing`: test helpers for programs that use tintype or implement a journal. */
export { expectTransitions } from './testing/expect-transitions.ts';
export { type ContractCase, journalContract } from './testing/journal-contract.ts';
export { type MatcherResult, type TintypeMatchers, tintypeMatchers } from './testing/matchers.ts';
export { recordEvents } from './testing/record-events.ts';
export { seededRandom } from './testing/seeded-random.ts';
export { type VirtualClock, virtualClock } from './testing/virtual-clock.ts';
