import * as z from 'zod/mini';
import { OVERLAPS } from '../journal/overlap.ts';
import { type TimingProblem, timingProblems } from '../timing/timing.ts';
import { atLeastOne, complain, duration, expecting, flag, plain, wait } from './schema-values.ts';

const optional = z.optional;

const SLUG = expecting('1 to 63 small letters, digits and "-", not beginning with "-"');
const TIME = expecting('a time with its offset from UTC, such as 2027-01-31T08:00:00Z');
const INVALID = { code: 'INVALID_VALUE' } as const;
const TEXT_OR_MAPPING = expecting('a cron expression, or a mapping with cron or every');

/** A time as text, with its offset from UTC; parsed to epoch ms. */
const time = z.pipe(
  z.string(TIME).check(z.regex(/^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,3})?)?(Z|[+-]\d\d:\d\d)$/, TIME)),
  z.pipe(z.transform(Date.parse), z.number().check(z.refine(Number.isFinite, TIME))),
);

const mapping = z.strictObject(
  {
    name: optional(z.string(SLUG).check(z.regex(/^[a-z0-9][a-z0-9-]{0,62}$/, SLUG))),
    cron: optional(plain),
    every: optional(duration),
    timezone: optional(plain),
    overlap: optional(z.enum(OVERLAPS, expecting('"skip", "queue", "allow" or "cancel"'))),
    catchup: optional(z.enum(['latest', 'all', 'none'], expecting('"latest", "all" or "none"'))),
    catchup_window: optional(duration),
    jitter: optional(wait),
    pause_on_failure: optional(atLeastOne),
    input: optional(z.record(z.string(), z.unknown(), expecting('a mapping with params'))),
    start: optional(time),
    end: optional(time),
    enabled: optional(flag),
  },
  TEXT_OR_MAPPING,
);

/** A schedule of a checked workflow file. Durations are in ms, times in epoch ms. */
export type WorkflowSchedule = z.output<typeof mapping>;

const ofMapping = mapping.check((payload) => {
  for (const [key, message] of faultsOf(payload.value)) complain(payload, message, INVALID, [key]);
});

const ofText = z.pipe(
  z.string(),
  z.transform((cron: string, payload): WorkflowSchedule => {
    for (const [, message] of faultsOf({ cron })) complain(payload, message, INVALID);
    return { cron };
  }),
);

/** Yields what is wrong with a schedule as a whole, each with the key at fault. */
const faultsOf = function* (schedule: WorkflowSchedule): Generator<[key: keyof WorkflowSchedule, message: string]> {
  for (const { option, message } of timingProblems(schedule))
    yield [placeOf(option, schedule), `can't be used: ${message}`];
  const { start, end } = schedule;
  if (start !== undefined && end !== undefined && end <= start)
    yield ['end', `can't be used: it is not after "start", so that nothing would be due.`];
};

/** The key that a problem is shown at: one that is there. */
const placeOf = (option: TimingProblem['option'], { cron, every }: WorkflowSchedule): TimingProblem['option'] =>
  option === 'cron' && cron === undefined && every !== undefined ? 'every' : option;

/** One schedule or a list; parsed to a list. */
export const schedules = z.pipe(
  z.union(
    [ofText, ofMapping, z.array(z.union([ofText, ofMapping], TEXT_OR_MAPPING))],
    expecting('a cron expression, a mapping with cron or every, or a list of them'),
  ),
  z.transform((given): readonly WorkflowSchedule[] => (Array.isArray(given) ? given : [given])),
);
