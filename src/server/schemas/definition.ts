import { z } from '@hono/zod-openapi';
import { Time } from './names.ts';

export const FileProblem = z
  .object({
    code: z.string(),
    message: z.string(),
    line: z.int().optional(),
    column: z.int().optional(),
    frame: z.string().optional().meta({ description: 'The lines around it' }),
    file: z.string().optional().meta({ description: 'The nested file that has the problem' }),
  })
  .openapi('FileProblem');

export const DefinitionSummary = z
  .object({
    name: z.string(),
    source: z.enum(['code', 'file', 'upload']),
    file: z.string().optional().meta({ description: 'Path within the folder of workflows' }),
    description: z.string().optional(),
    startable: z
      .boolean()
      .meta({ description: 'Whether jobs can be started; a file with problems keeps its last good form' }),
    problems: z.array(FileProblem),
    changedAt: Time.optional(),
  })
  .openapi('DefinitionSummary');

export const DefinitionBody = DefinitionSummary.extend({
  fingerprint: z.string().optional(),
  tasks: z
    .array(
      z.object({
        name: z.string(),
        kind: z.enum(['task', 'sensor', 'external', 'job', 'map']),
        dependsOn: z.array(z.string()),
        trigger: z.string().optional(),
        conditional: z.boolean(),
      }),
    )
    .optional(),
  params: z
    .record(z.string(), z.unknown())
    .optional()
    .meta({ description: 'JSON Schema of `input.params` of a workflow file' }),
  text: z.string().optional().meta({ description: 'The file, if it was uploaded' }),
}).openapi('Definition');

export const DefinitionCheck = z
  .object({
    name: z.string().optional(),
    valid: z.boolean(),
    problems: z.array(FileProblem),
    warnings: z.array(FileProblem),
  })
  .openapi('DefinitionCheck');
