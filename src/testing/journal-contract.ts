/* Test helpers for programs that use tintype (`virtual-clock.ts`, `seeded-random.ts`; `record-events.ts`,
 * `expect-transitions.ts` and `matchers.ts` for what happened) or implement a journal:
 * `journal-contract.ts` gathers test cases for all rules of the port `Journal`, from `journal-contract/`:
 * `creation.ts`, `writing.ts`, `leases.ts`, `reading.ts`, `finding.ts`, `removing.ts`, `feed.ts`, `durations.ts`, `beside.ts` (notes,
 * shapes, messages) and `texts.ts` (values that must come back unchanged). `given.ts` has their test data and assertions. */

import type { Awaitable, Journal } from '../engine/durable/journal.ts';
import { beside } from './journal-contract/beside.ts';
import { creation } from './journal-contract/creation.ts';
import { durations } from './journal-contract/durations.ts';
import { feed } from './journal-contract/feed.ts';
import { finding } from './journal-contract/finding.ts';
import type { ContractTests } from './journal-contract/given.ts';
import { leases } from './journal-contract/leases.ts';
import { reading } from './journal-contract/reading.ts';
import { removing } from './journal-contract/removing.ts';
import { texts } from './journal-contract/texts.ts';
import { writing } from './journal-contract/writing.ts';

export type ContractCase = {
  /** The tested rule as a sentence; unique among the cases. */
  readonly name: string;
  /** Runs the test; rejects with an AssertionError or the journal's error if the journal breaks the rule. */
  readonly run: () => Promise<void>;
};

/**
 * Returns test cases for all rules of the port `Journal`, for any test runner. Each case creates its own journal
 * with `create`, which must return an empty one, and closes it.
 *
 *     for (const { name, run } of journalContract(() => myJournal())) test(name, run);
 *
 * A journal that keeps them is all that an engine needs. A start without an engine takes `durable(myJournal())`.
 */
export const journalContract = (create: () => Awaitable<Journal>): readonly ContractCase[] =>
  Object.entries(PROMISES).map(([name, promise]) => ({
    name,
    run: async () => {
      const journal = await create();
      try {
        await promise(journal);
      } finally {
        await journal.close();
      }
    },
  }));

const PROMISES: ContractTests = {
  ...creation,
  ...writing,
  ...leases,
  ...reading,
  ...finding,
  ...removing,
  ...feed,
  ...beside,
  ...durations,
  ...texts,
};
