import { z } from '@hono/zod-openapi';
import { DURATION, durationMs } from '../../workflow/duration.ts';
import { Slug, Time } from './names.ts';

const MAX_DURATION_MS = 10 * 365 * 24 * 60 * 60 * 1000;

/** A number of ms, or text such as `5m`; parsed to ms. */
const Duration = z
  .union([z.number(), z.string().max(30).regex(DURATION, 'expected a duration such as 500ms, 30s, 5m, 2h or 1d')])
  .transform((given) => durationMs(given))
  .pipe(z.number().min(0).max(MAX_DURATION_MS))
  .openapi({ type: ['number', 'string'], description: 'Milliseconds, or text such as 30s, 5m or 2h' });

const EpochMs = z.number().min(0).max(8.64e15).meta({ description: 'Epoch ms' });

const Input = z.record(z.string(), z.unknown());

const Overlap = z.enum(['skip', 'queue', 'allow', 'cancel']);
const Catchup = z.enum(['latest', 'all', 'none']);

const options = {
  definition: z.string().min(1).max(200).meta({ description: 'Name of the definition whose jobs are started' }),
  cron: z.string().max(200).optional().meta({ description: '5 fields, 6 with seconds, or a name; or `every`' }),
  every: Duration.optional(),
  timezone: z.string().max(100).optional().meta({ description: 'Of the cron expression. Default UTC' }),
  overlap: Overlap.optional().meta({ description: 'If a job still runs when the next is due. Default skip' }),
  catchup: Catchup.optional().meta({ description: 'What is started of missed due times. Default latest' }),
  catchupWindow: Duration.optional(),
  jitter: Duration.optional(),
  pauseOnFailure: z.int().min(1).optional().meta({ description: 'After so many failed jobs in a row' }),
  input: Input.optional().meta({ description: 'Of a workflow file `{ params }`' }),
  start: EpochMs.optional(),
  end: EpochMs.optional(),
  enabled: z.boolean().optional().meta({ description: 'Default true' }),
};

export const NewSchedule = z.strictObject({ name: Slug, ...options }).openapi('NewSchedule');

export const ScheduleChange = z.strictObject(options).openapi('ScheduleChange');

const Lane = z.enum(['due', 'catchup', 'backfill']);

const OutcomeBody = z
  .object({
    due: Time,
    at: Time,
    outcome: z.enum(['started', 'skipped', 'missed', 'failed']),
    jobId: z.string().optional(),
    reason: z.string().optional(),
    count: z
      .int()
      .optional()
      .meta({ description: 'Of what was missed: how many due times, the last of which is `due`; 100 stands for more' }),
  })
  .openapi('DueOutcome');

export const ScheduleSummary = z
  .object({
    name: z.string(),
    source: z.enum(['code', 'file', 'upload', 'api']),
    file: z.string().optional().meta({ description: 'Path within the folder of workflows' }),
    definition: z.string(),
    cron: z.string().optional(),
    every: z.number().optional().meta({ description: 'ms' }),
    timezone: z.string(),
    overlap: Overlap,
    catchup: Catchup,
    catchupWindow: z.number().meta({ description: 'ms' }),
    jitter: z.number().meta({ description: 'ms' }),
    pauseOnFailure: z.int().optional(),
    input: Input.optional(),
    start: Time.optional(),
    end: Time.optional(),
    enabled: z.boolean(),
    paused: z.object({ at: Time, reason: z.string().optional() }).optional(),
    nextDue: Time.optional(),
    failures: z.int().meta({ description: 'How many jobs in a row have failed' }),
    problems: z.array(z.string()).meta({ description: 'Other schedules of this name, which are not used' }),
  })
  .openapi('ScheduleSummary');

export const ScheduleBody = ScheduleSummary.extend({
  running: z.array(z.object({ jobId: z.string(), due: Time })).meta({ description: 'Its jobs that are not over' }),
  owed: z
    .array(z.object({ due: Time, at: Time, lane: Lane }))
    .meta({ description: 'What will be started without a further due time, the earliest first' }),
  recent: z.array(OutcomeBody).meta({ description: 'What became of the last due times, the newest first' }),
}).openapi('Schedule');

export const PauseBody = z.strictObject({ reason: z.string().max(2000).optional() }).openapi('PauseSchedule');

export const BackfillBody = z
  .strictObject({
    from: EpochMs,
    to: EpochMs.meta({ description: 'Epoch ms; not part of it' }),
    dryRun: z.boolean().optional(),
  })
  .openapi('Backfill');

export const BackfillResult = z
  .object({
    dueTimes: z.array(Time).meta({ description: 'Whose jobs are started; one that was started before is not again' }),
  })
  .openapi('BackfillResult');

export const NextRuns = z
  .object({
    items: z.array(
      z.object({
        due: Time,
        local: z.string().meta({ description: 'As the clocks of the time zone show it, with their offset from UTC' }),
        at: Time.meta({ description: 'When the job starts, with jitter' }),
      }),
    ),
  })
  .openapi('NextRuns');
