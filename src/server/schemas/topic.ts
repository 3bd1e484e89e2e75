import { z } from '@hono/zod-openapi';
import { UnitDefinitions } from './document.ts';
import { Slug, Time } from './names.ts';

const Text = z.string().max(10_000);

export const NewTopic = z
  .strictObject({
    name: Slug,
    title: z.string().min(1).max(200).optional(),
    description: Text.optional(),
    definitions: UnitDefinitions.optional().meta({ description: 'Definitions of units that its documents may use' }),
  })
  .openapi('NewTopic');

export const TopicChange = z
  .strictObject({
    title: z.string().min(1).max(200).optional(),
    description: Text.optional(),
    definitions: UnitDefinitions.optional(),
    archived: z.boolean().optional().meta({ description: 'false brings an archived topic back' }),
  })
  .openapi('TopicChange');

export const TopicSummary = z
  .object({
    name: z.string(),
    title: z.string().optional(),
    description: z.string().optional(),
    definitions: UnitDefinitions,
    createdAt: Time,
    archivedAt: Time.optional(),
    etag: z.string().meta({ description: 'Its version, for `If-Match`; changes with each change' }),
  })
  .openapi('TopicSummary');

export const TopicBody = TopicSummary.extend({
  jobs: z.record(z.string(), z.int()).meta({ description: 'Number of its jobs by their state' }),
}).openapi('Topic');
