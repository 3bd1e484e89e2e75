import { z } from 'zod';
import type { AnyDefinition } from '../../engine/job-definition.ts';
import { Document, DocumentTask } from '../schemas/document.ts';
import type { ServiceRecord, ServiceStore } from '../store/service-store.ts';
import { compileDocument } from './compile.ts';

/** A job that has not been started yet. */
export type Draft = {
  readonly id: string;
  readonly document: Document;
  readonly labels: Readonly<Record<string, string>>;
  readonly metadata: Readonly<Record<string, unknown>>;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly updatedAt: number;
  /** Grows with each change. */
  readonly version: number;
};

export type Documents = {
  /** Keeps the document of a job, before the job is created. @throws JournalError */
  readonly keep: (jobId: string, document: Document, added?: readonly DocumentTask[]) => Promise<void>;
  /** Returns the definition of a job that was started of a document; undefined of any other. @throws JournalError */
  readonly definitionOf: (jobId: string) => Promise<AnyDefinition | undefined>;
  readonly documentOf: (jobId: string) => Promise<Document | undefined>;
  /** Returns the tasks that a job of a document got while it ran. @throws JournalError */
  readonly addedTo: (jobId: string) => Promise<readonly DocumentTask[]>;
  /** Returns whether there was one. @throws JournalError */
  readonly remove: (jobId: string) => Promise<boolean>;
  readonly draft: (jobId: string) => Promise<Draft | undefined>;
  /** Returns drafts in the order of their ids. @throws JournalError */
  readonly drafts: (after: string | undefined, limit: number) => Promise<readonly Draft[]>;
  /** Keeps a draft; returns undefined if it has not the `expected` version (0: there is none). @throws JournalError */
  readonly putDraft: (draft: Omit<Draft, 'version' | 'updatedAt'>, expected: number) => Promise<Draft | undefined>;
  readonly removeDraft: (jobId: string) => Promise<boolean>;
  /** Removes documents of jobs that are gone; returns their number. @throws JournalError */
  readonly removeLost: (isThere: (jobId: string) => Promise<boolean>) => Promise<number>;
};

const Kept = z.object({ document: Document, added: z.array(DocumentTask) });

const KeptDraft = z.object({
  document: Document,
  labels: z.record(z.string(), z.string()),
  metadata: z.record(z.string(), z.unknown()),
  createdAt: z.number(),
});

/** `now`: the time in epoch ms. */
export const documentsIn = (store: ServiceStore, now: () => number): Documents => {
  const read = async (jobId: string): Promise<z.infer<typeof Kept> | undefined> => {
    const record = await store.get('document', jobId);
    return record && Kept.parse(JSON.parse(record.value));
  };
  return {
    keep: async (key, document, added = []) => {
      const kept: z.infer<typeof Kept> = { document, added: [...added] };
      await store.put({ kind: 'document', key, value: JSON.stringify(kept), at: now() });
    },
    documentOf: async (jobId) => (await read(jobId))?.document,
    addedTo: async (jobId) => (await read(jobId))?.added ?? [],
    definitionOf: async (jobId) => {
      const kept = await read(jobId);
      return kept && compileDocument(kept.document);
    },
    remove: async (jobId) => store.remove('document', jobId),
    draft: async (jobId) => {
      const record = await store.get('draft', jobId);
      return record && draftIn(record);
    },
    drafts: async (after, limit) => (await store.list('draft', { after, limit })).map(draftIn),
    putDraft: async ({ id, ...draft }, expected) => {
      const record = await store.put({ kind: 'draft', key: id, value: JSON.stringify(draft), at: now(), expected });
      return record && draftIn(record);
    },
    removeDraft: async (jobId) => store.remove('draft', jobId),
    removeLost: async (isThere) => {
      let removed = 0;
      for (let last: string | undefined; ; ) {
        const page = await store.list('document', { after: last, limit: PAGE });
        for (const { key, updatedAt, version } of page) {
          // The job of a new document may not be created yet.
          if (now() - updatedAt < LOST_AFTER_MS || (await isThere(key))) continue;
          if (await store.remove('document', key, version)) removed++;
        }
        if (page.length < PAGE) return removed;
        last = page.at(-1)?.key;
      }
    },
  };
};

const PAGE = 100;

const LOST_AFTER_MS = 60 * 60 * 1000;

const draftIn = ({ key, value, updatedAt, version }: ServiceRecord): Draft => ({
  id: key,
  ...KeptDraft.parse(JSON.parse(value)),
  updatedAt,
  version,
});
