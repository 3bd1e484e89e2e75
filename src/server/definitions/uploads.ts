import { z } from 'zod';
import type { WorkflowError } from '../../workflow/problem.ts';
import { workflowOfText } from '../../workflow/workflow.ts';
import type { ServiceRecord, ServiceStore } from '../store/service-store.ts';
import type { Entry } from './catalog.ts';
import { type UploadLevel, uploadProblems } from './upload-rules.ts';

export type Uploads = {
  /** Reads what was uploaded before. What may no longer be used is listed with its problems. @throws JournalError */
  readonly read: () => Promise<void>;
  /** Checks and keeps a workflow file under its own name. @throws WorkflowError, JournalError */
  readonly put: (text: string) => Promise<{ readonly entry: Entry; readonly isNew: boolean }>;
  /** Returns the text of what was uploaded under this name. @throws JournalError */
  readonly text: (name: string) => Promise<string | undefined>;
  /** Returns whether there was such an upload. @throws JournalError */
  readonly remove: (name: string) => Promise<boolean>;
  /** Checks a workflow file by the rules of an upload, and keeps nothing. @throws WorkflowError */
  readonly check: (text: string) => Promise<Entry>;
};

export type UploadSettings = { readonly upload: UploadLevel; readonly uploadSecrets: readonly string[] };

/** `now`: the time in epoch ms. `changed` gets all uploads when one has changed. */
export const uploadsIn = (
  store: ServiceStore,
  now: () => number,
  { upload, uploadSecrets }: UploadSettings,
  changed: (entries: readonly Entry[]) => void,
): Uploads => {
  const entries = new Map<string, Entry>();
  const env = Object.fromEntries(uploadSecrets.map((name) => [name, process.env[name]]));
  const check = async (text: string): Promise<Entry> => {
    const loaded = await workflowOfText(text, UPLOADED, { env }, uploadProblems(upload, uploadSecrets));
    const { definition } = loaded;
    return { name: definition.name, source: 'upload', definition, loaded, problems: [], changedAt: now() };
  };
  const readOne = async (record: ServiceRecord): Promise<Entry> => {
    const { key: name, updatedAt: changedAt } = record;
    try {
      return { ...(await check(textIn(record))), changedAt };
    } catch (error) {
      return { name, source: 'upload', problems: (error as WorkflowError).problems ?? [], changedAt };
    }
  };
  return {
    read: async () => {
      for (const record of await store.list('definition')) entries.set(record.key, await readOne(record));
      changed([...entries.values()]);
    },
    put: async (text) => {
      const entry = await check(text);
      const isNew = !entries.has(entry.name);
      await store.put({ kind: 'definition', key: entry.name, value: JSON.stringify({ text }), at: now() });
      entries.set(entry.name, entry);
      changed([...entries.values()]);
      return { entry, isNew };
    },
    text: async (name) => {
      const record = await store.get('definition', name);
      return record && textIn(record);
    },
    remove: async (name) => {
      const existed = await store.remove('definition', name);
      entries.delete(name);
      changed([...entries.values()]);
      return existed;
    },
    check,
  };
};

/** What problems call a file that was sent. */
const UPLOADED = 'uploaded.yaml';

const Kept = z.object({ text: z.string() });

const textIn = ({ value }: ServiceRecord): string => Kept.parse(JSON.parse(value)).text;
