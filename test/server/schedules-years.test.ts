import { expect, test } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { scheduleOf } from '../../src/server/schedules/schedule.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { longOr } from '../support/long.ts';
import { scheduler } from '../support/scheduler.ts';

const [FROM, UNTIL] = [
  Date.parse('2027-01-01T00:00:00Z'),
  Date.parse(longOr('2029-01-01T00:00:00Z', '2028-01-01T00:00:00Z')),
];
const [HALF_HOUR, DAY] = [30 * 60_000, 24 * 3_600_000];

const ZONES = ['Europe/Berlin', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kolkata'];

/** A time, and what the clocks of a zone show then, as if it were UTC. */
type Moment = { readonly at: number; readonly wall: Date };

/** Every half hour from a day before the two years until a day after, by the offsets that the runtime knows. */
const momentsIn = (timezone: string): readonly Moment[] => {
  const format = new Intl.DateTimeFormat('en', { timeZone: timezone, timeZoneName: 'longOffset' });
  const moments: Moment[] = [];
  for (let at = FROM - DAY; at < UNTIL + DAY; at += HALF_HOUR) {
    const [, sign, hours, minutes] = /GMT(?:([+-])(\d\d):(\d\d))?/.exec(format.format(at)) ?? [];
    const offset = (Number(hours ?? 0) * 60 + Number(minutes ?? 0)) * (sign === '-' ? -60_000 : 60_000);
    moments.push({ at, wall: new Date(at + offset) });
  }
  return moments;
};

const timeOf = ({ wall }: Moment): number => wall.getUTCHours() * 60 + wall.getUTCMinutes();

/** The rows of the table of clock changes: each cron expression, and when it is due by the rule that the docs give. */
const ROWS: Readonly<Record<string, (moments: readonly Moment[]) => readonly Moment[]>> = {
  // Once a day: at the first 02:30, or as soon as the clocks have gone past it.
  '30 2 * * *': (moments) =>
    moments.filter((moment, index) => {
      const before = moments[index - 1];
      if (before === undefined || timeOf(moment) < 150) return false;
      const isFirst = timeOf(before) < 150 && moment.wall > before.wall;
      const isAgain = moments
        .slice(Math.max(0, index - 4), index)
        .some((earlier) => earlier.wall.getUTCDate() === moment.wall.getUTCDate() && timeOf(earlier) >= 150);
      return isFirst && !isAgain;
    }),
  // Whenever the clocks show it.
  '*/30 2 * * *': (moments) => moments.filter(({ wall }) => wall.getUTCHours() === 2),
  '0 0 13 * 5': (moments) =>
    moments.filter(
      (moment) => timeOf(moment) === 0 && (moment.wall.getUTCDate() === 13 || moment.wall.getUTCDay() === 5),
    ),
};

test('a year or two of schedules start each job once, in four zones, through all clock changes', async () => {
  const clock = virtualClock(FROM);
  const journal = memoryJournal();
  const job = defineJob('report')
    .task('write', () => {})
    .seal();
  const given = ZONES.flatMap((timezone, zone) =>
    Object.keys(ROWS).map((cron, row) =>
      scheduleOf({ name: `s-${zone}-${row}`, definition: 'report', cron, timezone }),
    ),
  );
  const { engine, schedules } = scheduler({ clock, journal, definitions: [job], schedules: given });
  const started = new Map<string, number[]>();
  schedules.onOutcome((name, { due, outcome, at }) => {
    expect([outcome, at]).toEqual(['started', due]);
    started.set(name, [...(started.get(name) ?? []), due]);
  });
  await schedules.open();
  await clock.advance(UNTIL - FROM - 1);
  await schedules.close();
  for (const { name, cron = '', timezone } of given) {
    const expected = ROWS[cron]?.(momentsIn(timezone)).map(({ at }) => at) ?? [];
    const within = expected.filter((at) => at > FROM && at < UNTIL).map((at) => new Date(at).toISOString());
    expect(
      started.get(name)?.map((at) => new Date(at).toISOString()),
      `${cron} in ${timezone}`,
    ).toEqual(within);
  }
  const jobs = await journal.jobs();
  expect(jobs).toHaveLength([...started.values()].flat().length);
  await engine.close();
}, 120_000);
