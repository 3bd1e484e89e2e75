import { z } from 'zod';
import { DURATION, durationMs } from './duration.ts';

/** A schema whose complaint is what it expects; `schemaProblems` makes a sentence of it. */
const expecting = (error: string): { readonly error: string } => ({ error });

const DURATION_TEXT = 'a number of milliseconds above 0, or text such as 500ms, 30s, 5m or 2h';
const COUNT = 'a whole number, 0 or more';
const FLAG = 'true or false';

const name = z.string(expecting('text')).min(1, expecting('a name that is not empty'));

const duration = z
  .union(
    [
      z.number(expecting(DURATION_TEXT)).positive(expecting(DURATION_TEXT)),
      z.string().regex(DURATION, expecting(DURATION_TEXT)),
    ],
    expecting(DURATION_TEXT),
  )
  .transform(durationMs)
  .refine((ms) => ms > 0, expecting(DURATION_TEXT));

const command = z
  .string(expecting('text'))
  .refine((text) => text.trim() !== '', expecting('a command that is not empty'))
  .refine((text) => !text.includes('\0'), expecting('a command without null characters'));

const task = z.strictObject(
  {
    name,
    type: z.enum(['bash', 'python'], expecting('"bash" or "python"')),
    command,
    dependencies: z.array(z.string(expecting('the name of a task')), expecting('a list of task names')).default([]),
    max_retries: z.int(expecting(COUNT)).min(0, expecting(COUNT)).optional(),
    timeout: duration.optional(),
    continue_on_failure: z.boolean(expecting(FLAG)).optional(),
  },
  expecting('a task with name, type and command'),
);

/** A workflow file. Keys at its top that begin with `x-` are a place for anchors, and taken out before. */
export const workflowSchema = z.strictObject(
  { name, tasks: z.array(task, expecting('a list of tasks')) },
  expecting('a workflow with name and tasks'),
);

/** What a workflow file says, with durations in ms. */
export type Workflow = z.output<typeof workflowSchema>;
export type WorkflowTask = Workflow['tasks'][number];

/** The keys that there are, for a hint at the one that was meant. */
export const workflowKeys: readonly string[] = Object.keys(workflowSchema.shape);
export const taskKeys: readonly string[] = Object.keys(task.shape);
