import { z } from '@hono/zod-openapi';
import { Owner, TaskName } from './names.ts';

/** JSON as clients send it. */
export const Json = z.unknown().meta({ description: 'Any JSON value' });

const JsonSchema = z
  .record(z.string(), z.unknown())
  .meta({ description: 'JSON Schema; without pattern, patternProperties and remote references' });

const Ms = z
  .number()
  .int()
  .positive()
  .max(365 * 24 * 60 * 60 * 1000);

/** What a unit may take over from a definition. */
const unitParts = {
  owner: Owner.optional().meta({ description: 'Who may work on it; needed, here or in what `use` names' }),
  description: z.string().max(10_000).optional().meta({ description: 'What a worker is asked, in words for people' }),
  data: Json.optional().meta({ description: 'What a worker has to know' }),
  output: JsonSchema.optional().meta({ description: 'What the output must be. Default: any JSON' }),
  heartbeatTimeoutMs: Ms.optional().meta({ description: 'Lease of a claim that names none' }),
  deadlineMs: Ms.optional(),
  maxRetries: z.number().int().min(0).max(1000).optional(),
  priority: z.number().optional().meta({ description: 'Units with a higher number are given out first. Default 0' }),
};

export const UnitDefinition = z.strictObject(unitParts).openapi('UnitDefinition');

export const UnitDefinitions = z.record(TaskName, UnitDefinition);

export const DocumentUnit = z
  .strictObject({
    name: TaskName,
    use: z
      .string()
      .max(200)
      .optional()
      .meta({ description: 'A definition of the document or of the topic, whose parts it takes over' }),
    dependsOn: z.array(z.string().max(200)).max(1000).optional().meta({ description: 'Units of the same task' }),
    continueOnFailure: z.boolean().optional(),
    ...unitParts,
  })
  .openapi('DocumentUnit');

export const DocumentTask = z
  .strictObject({
    name: TaskName,
    dependsOn: z.array(z.string().max(200)).max(1000).optional().meta({ description: 'Other tasks of the job' }),
    continueOnFailure: z.boolean().optional(),
    units: z.array(DocumentUnit).min(1).max(1000),
  })
  .openapi('DocumentTask');

export const Document = z
  .strictObject({
    name: TaskName,
    tasks: z.array(DocumentTask).max(1000),
    definitions: UnitDefinitions.optional().meta({ description: 'What several units have in common' }),
    onFailure: z.enum(['continue', 'drain', 'abort']).optional().meta({ description: 'Default continue' }),
    timeoutMs: Ms.optional(),
  })
  .openapi('Document');

export type Document = z.infer<typeof Document>;
export type DocumentTask = z.infer<typeof DocumentTask>;
export type DocumentUnit = z.infer<typeof DocumentUnit>;
export type UnitDefinitions = z.infer<typeof UnitDefinitions>;
