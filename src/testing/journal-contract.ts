import type { Awaitable, Journal } from '../engine/durable/journal.ts';
import { beside } from './journal-contract/beside.ts';
import { creation } from './journal-contract/creation.ts';
import type { Promises } from './journal-contract/given.ts';
import { leases } from './journal-contract/leases.ts';
import { reading } from './journal-contract/reading.ts';
import { texts } from './journal-contract/texts.ts';
import { writing } from './journal-contract/writing.ts';

export type ContractCase = {
  /** What is promised. */
  readonly name: string;
  /** Rejects where it is not kept. */
  readonly run: () => Promise<void>;
};

/**
 * Everything that a journal promises, as cases for whatever runs tests: each makes a journal of its own with `create`, which
 * must be empty, and closes it.
 *
 *     for (const { name, run } of journalContract(() => myJournal())) test(name, run);
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

const PROMISES: Promises = { ...creation, ...writing, ...leases, ...reading, ...beside, ...texts };
