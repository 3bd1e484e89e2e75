/* Topics: pages for the jobs that have one label. `topics.ts` keeps them. */

import { z } from 'zod';
import { UnitDefinitions } from '../schemas/document.ts';
import type { ServiceRecord, ServiceStore } from '../store/service-store.ts';

/** The label that names the topic of a job. */
export const TOPIC = 'topic';

export type Topic = {
  readonly name: string;
  readonly title?: string | undefined;
  readonly description?: string | undefined;
  readonly definitions: UnitDefinitions;
  /** Epoch ms. */
  readonly createdAt: number;
  readonly archivedAt?: number | undefined;
  readonly version: number;
};

export type Topics = {
  readonly get: (name: string) => Promise<Topic | undefined>;
  readonly list: (after: string | undefined, limit: number) => Promise<readonly Topic[]>;
  /** Keeps a topic; returns undefined if it has not the `expected` version (0: there is none). @throws JournalError */
  readonly put: (topic: Omit<Topic, 'version'>, expected: number) => Promise<Topic | undefined>;
};

const Kept = z.object({
  title: z.string().optional(),
  description: z.string().optional(),
  definitions: UnitDefinitions,
  createdAt: z.number(),
  archivedAt: z.number().optional(),
});

/** `now`: the time in epoch ms. */
export const topicsIn = (store: ServiceStore, now: () => number): Topics => ({
  get: async (name) => {
    const record = await store.get('topic', name);
    return record && topicIn(record);
  },
  list: async (after, limit) => (await store.list('topic', { after, limit })).map(topicIn),
  put: async ({ name, ...topic }, expected) => {
    const record = await store.put({ kind: 'topic', key: name, value: JSON.stringify(topic), at: now(), expected });
    return record && topicIn(record);
  },
});

const topicIn = ({ key, value, version }: ServiceRecord): Topic => ({
  name: key,
  ...Kept.parse(JSON.parse(value)),
  version,
});
