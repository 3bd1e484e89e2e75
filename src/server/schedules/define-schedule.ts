import {
  flag,
  oneOf,
  positive,
  problemsOf,
  record,
  required,
  rule,
  text,
  throwIfInvalid,
} from '../../engine/definition/option-rules.ts';
import { isDefinition } from '../../engine/definition/sealed.ts';
import { optionProblem } from '../../engine/errors/problem.ts';
import type { AnyDefinition, JobDefinition } from '../../engine/job-definition.ts';
import { timingProblems } from '../../timing/timing.ts';
import { DURATION, durationMs } from '../../workflow/duration.ts';
import { SCHEDULE_EXPRESSIONS, unknownExpression } from '../../workflow/schedule-problems.ts';
import { Slug } from '../schemas/names.ts';
import { type Catchup, type Overlap, type Schedule, scheduleOf } from './schedule.ts';

/** A number of ms, or text such as `30s`, `5m`, `2h`. */
export type Duration = number | string;

export type ScheduleOptions<Given extends object = Readonly<Record<string, unknown>>> = {
  /** 1 to 63 small letters, digits and `-`. */
  readonly name: string;
  /** What jobs are started of; or the name of a definition that the server has, such as that of a workflow file. */
  // biome-ignore lint/suspicious/noExplicitAny: whatever it computes; only what starts it counts
  readonly definition: JobDefinition<any, any, Given> | string;
  /** A cron expression of 5 fields, or 6 with seconds before them; or a name such as `@hourly`. Or `every`. */
  readonly cron?: string | undefined;
  /** An interval of 1 s or more, aligned to the epoch. */
  readonly every?: Duration | undefined;
  /** The time zone of the cron expression. Default `UTC`. */
  readonly timezone?: string | undefined;
  /** What happens if a job of the schedule still runs. Default `skip`. */
  readonly overlap?: Overlap | undefined;
  /** What is started for due times that passed while no server ran. Default `latest`. */
  readonly catchup?: Catchup | undefined;
  /** How long ago such a due time may be. Default `24h`. */
  readonly catchupWindow?: Duration | undefined;
  /** Each job starts up to so long after its due time. Default 0. */
  readonly jitter?: Duration | undefined;
  /** After how many failed jobs in a row the schedule is paused. Default: never. */
  readonly pauseOnFailure?: number | undefined;
  /** The input of the jobs. Texts may hold `${{ schedule.due }}` and `${{ schedule.name }}`. */
  readonly input?: Given | undefined;
  /** Nothing is due before `start`, nor from `end` on: a date, or epoch ms. */
  readonly start?: Date | number | undefined;
  readonly end?: Date | number | undefined;
  /** Whether jobs are started. Default true. */
  readonly enabled?: boolean | undefined;
};

const DEFINED = Symbol('schedule');

/** A checked schedule, for `createServer({ schedules })`. */
export type ScheduleDefinition = {
  readonly name: string;
  readonly [DEFINED]: { readonly schedule: Schedule; readonly definition: AnyDefinition | undefined };
};

/** Defines when a server starts jobs. @throws OptionError */
export const defineSchedule = <Given extends object>(options: ScheduleOptions<Given>): ScheduleDefinition => {
  const subject = `The schedule ${JSON.stringify(options?.name ?? '')}`;
  throwIfInvalid(subject, problemsOf(options, RULES, { subject }));
  const { definition, input, every, catchupWindow, jitter, start, end, ...given } = options;
  const schedule = scheduleOf({
    ...given,
    definition: typeof definition === 'string' ? definition : definition.name,
    every: every === undefined ? undefined : durationMs(every),
    catchupWindow: catchupWindow === undefined ? undefined : durationMs(catchupWindow),
    jitter: jitter === undefined ? undefined : durationMs(jitter),
    input: input as Readonly<Record<string, unknown>> | undefined,
    start: start === undefined ? undefined : Number(start),
    end: end === undefined ? undefined : Number(end),
  });
  throwIfInvalid(
    subject,
    scheduleProblems(schedule).map(({ option, message }) => optionProblem(option, `${subject}: ${message}`)),
  );
  const made = { schedule, definition: typeof definition === 'string' ? undefined : (definition as AnyDefinition) };
  return Object.freeze({ name: schedule.name, [DEFINED]: made });
};

/** Returns what `defineSchedule` made; undefined if it did not. */
export const definedSchedule = (value: unknown): ScheduleDefinition[typeof DEFINED] | undefined =>
  (value as Partial<ScheduleDefinition> | null)?.[DEFINED];

/** Finds what is wrong with a schedule as a whole. */
export const scheduleProblems = (
  schedule: Schedule,
): readonly { readonly option: string; readonly code: string; readonly message: string }[] => {
  const { start, end, input } = schedule;
  const problems: { option: string; code: string; message: string }[] = [...timingProblems(schedule)];
  if (start !== undefined && end !== undefined && end <= start)
    problems.push({ option: 'end', code: 'INVALID_VALUE', message: 'It ends before it starts.' });
  const unknown = unknownExpression(input);
  if (unknown !== undefined) {
    const message = `${JSON.stringify(unknown)} has an expression that is not known. ${SCHEDULE_EXPRESSIONS}`;
    problems.push({ option: 'input', code: 'UNKNOWN_REFERENCE', message });
  }
  return problems;
};

const isDuration = (value: unknown): boolean =>
  typeof value === 'string' ? DURATION.test(value) : Number.isFinite(value) && (value as number) >= 0;
const duration = rule('a number of milliseconds, or text such as 30s, 5m or 2h', isDuration);
const time = rule('a date, or a number of epoch ms', (value) =>
  value instanceof Date ? !Number.isNaN(value.getTime()) : Number.isFinite(value),
);

const RULES = {
  name: required(rule('1 to 63 small letters, digits and -', (value) => Slug.safeParse(value).success)),
  definition: required(
    rule('a sealed definition, or the name of one', (value) => typeof value === 'string' || isDefinition(value)),
  ),
  cron: text('a cron expression'),
  every: duration,
  timezone: text('the name of a time zone'),
  overlap: oneOf('skip', 'queue', 'allow', 'cancel'),
  catchup: oneOf('latest', 'all', 'none'),
  catchupWindow: duration,
  jitter: duration,
  pauseOnFailure: positive,
  input: record,
  start: time,
  end: time,
  enabled: flag,
};
