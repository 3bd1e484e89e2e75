/* When something is due again and again. `timing.ts` reads a cron expression or an interval, `local-time.ts` writes a time
 * as the clocks of a zone show it. */

import { Cron } from 'croner';

export type TimingOptions = {
  /** A cron expression of 5 fields, or 6 with seconds; or a name such as `@hourly`. */
  readonly cron?: string | undefined;
  /** An interval in ms, aligned to the epoch. */
  readonly every?: number | undefined;
  /** The zone of the cron expression, such as `Europe/Berlin`. Default UTC. */
  readonly timezone?: string | undefined;
};

export type Timing = {
  /** Returns the first due time after `after`, both in epoch ms; undefined if there is none. */
  readonly next: (after: number) => number | undefined;
};

export type TimingProblem = {
  readonly option: 'cron' | 'every' | 'timezone';
  readonly code: 'INVALID_CRON' | 'NEVER_DUE' | 'INVALID_EVERY' | 'UNKNOWN_TIMEZONE';
  /** What is wrong, and how to fix it. */
  readonly message: string;
};

export const DEFAULT_TIMEZONE = 'UTC';

/** Shorter intervals are refused, in ms. */
export const LEAST_EVERY_MS = 1000;

/** Reads a timing that `timingProblems` finds nothing wrong with. Clock changes are treated as docs/schedules.md says. */
export const timingOf = ({ cron, every, timezone }: TimingOptions): Timing => {
  if (every !== undefined) return { next: (after) => (Math.floor(after / every) + 1) * every };
  const pattern = cronOf(cron ?? '', timezone);
  return { next: (after) => pattern.nextRun(new Date(after))?.getTime() };
};

/** Finds what is wrong with a timing. */
export const timingProblems = ({ cron, every, timezone }: TimingOptions): readonly TimingProblem[] => {
  if ((cron === undefined) === (every === undefined))
    return [{ option: 'cron', code: 'INVALID_CRON', message: ONE_OF }];
  const problems: TimingProblem[] = [];
  if (timezone !== undefined && !isTimezone(timezone)) problems.push(unknownTimezone(timezone));
  const wrong = cron === undefined ? everyProblem(every as number) : cronProblem(cron);
  return wrong ? [...problems, wrong] : problems;
};

const ONE_OF = 'expected either a cron expression or an interval (every), and not both.';

const cronOf = (cron: string, timezone = DEFAULT_TIMEZONE): Cron =>
  new Cron(cron, { timezone, mode: '5-or-6-parts', paused: true });

/** Whether `Intl` knows the zone by a name; offsets such as `+02:00` are none, since they know no clock changes. */
const isTimezone = (timezone: string): boolean => {
  try {
    return /^[A-Za-z]/.test(timezone) && new Intl.DateTimeFormat('en', { timeZone: timezone }) !== undefined;
  } catch {
    return false;
  }
};

const unknownTimezone = (timezone: string): TimingProblem => ({
  option: 'timezone',
  code: 'UNKNOWN_TIMEZONE',
  message: `There is no time zone ${shown(timezone)}: expected a name such as Europe/Berlin, America/New_York or UTC.`,
});

const everyProblem = (every: number): TimingProblem | undefined =>
  every >= LEAST_EVERY_MS && Number.isFinite(every)
    ? undefined
    : {
        option: 'every',
        code: 'INVALID_EVERY',
        message: `An interval of ${every} ms is too short: expected 1s or more, such as 30s, 5m or 2h.`,
      };

const cronProblem = (cron: string): TimingProblem | undefined => {
  const invalid = (why: string): TimingProblem => ({
    option: 'cron',
    code: 'INVALID_CRON',
    message: `The cron expression ${shown(cron)} ${why}`,
  });
  const foreign = FOREIGN.find(([form]) => form.test(cron));
  if (foreign) return invalid(foreign[1]);
  try {
    if (cronOf(cron).nextRun(new Date(0)) !== null) return undefined;
  } catch (error) {
    return invalid(`can't be read: ${(error as Error).message.replace(/^CronPattern: /, '').replace(/\.$/, '')}.`);
  }
  return {
    option: 'cron',
    code: 'NEVER_DUE',
    message: `The cron expression ${shown(cron)} is never due: there is no such day. Check the day and the month.`,
  };
};

/** Forms of other programs, and what to write here. The last is what is neither a name nor 5 or 6 fields. */
const FOREIGN: readonly (readonly [form: RegExp, way: string])[] = [
  [/^\s*@every\b/i, 'is an interval: use every instead, such as every: 5m.'],
  [/^\s*@reboot\b/i, 'has no time: start such a job when the program starts.'],
  [/^\s*(CRON_)?TZ=/, 'names its time zone: use timezone instead, such as timezone: Europe/Berlin.'],
  [
    /(^|[\s,/])H([\s,/(]|$)/,
    'has H, a minute by chance: write a fixed one, and use jitter to spread starts, such as jitter: 10m.',
  ],
  [/^\s*\d+(\.\d+)? ?(ms|s|m|h|d)\s*$/, 'is an interval: use every instead, such as every: 5m.'],
  [
    /^(?!\s*@)(?!\s*\S+(\s+\S+){4,5}\s*$)/,
    'has not 5 fields (minute, hour, day, month, day of week), nor 6 with seconds before them.',
  ],
];

const shown = (text: string): string => JSON.stringify(text.length > 60 ? `${text.slice(0, 60)}…` : text);
