import { describe, expect, test } from 'vitest';
import { localTime } from '../../src/timing/local-time.ts';
import { type TimingOptions, timingOf, timingProblems } from '../../src/timing/timing.ts';

/** The due times from `from` until before `until`, as the clocks of the zone show them. */
const dueTimes = (options: TimingOptions, from: string, until: string): readonly string[] => {
  const { next } = timingOf(options);
  const found: string[] = [];
  for (let at = next(Date.parse(from) - 1); at !== undefined && at < Date.parse(until); at = next(at))
    found.push(localTime(at, options.timezone ?? 'UTC'));
  return found;
};

/** The due times of a day of the zone. */
const onDay = (options: TimingOptions, day: string): readonly string[] => {
  const [before, after] = [-24, 48].map((hours) => new Date(Date.parse(day) + hours * 3_600_000).toISOString());
  return dueTimes(options, before ?? '', after ?? '').filter((time) => time.startsWith(day));
};

const [BERLIN, NEW_YORK, LORD_HOWE, KOLKATA] = [
  'Europe/Berlin',
  'America/New_York',
  'Australia/Lord_Howe',
  'Asia/Kolkata',
];

describe('at a clock change', () => {
  test.each([
    [
      'a time that does not exist comes once, when the clocks have changed',
      '30 2 * * *',
      BERLIN,
      '2027-03-28',
      ['03:00:00+02:00'],
    ],
    ['so elsewhere', '30 2 * * *', NEW_YORK, '2027-03-14', ['03:00:00-04:00']],
    ['so elsewhere', '15 2 * * *', LORD_HOWE, '2027-10-03', ['02:30:00+11:00']],
    ['so elsewhere', '30 2 * * *', KOLKATA, '2027-03-28', ['02:30:00+05:30']],
    ['a time that comes twice counts the first time', '30 2 * * *', BERLIN, '2027-10-31', ['02:30:00+02:00']],
    ['so elsewhere', '30 1 * * *', NEW_YORK, '2027-11-07', ['01:30:00-04:00']],
    ['so elsewhere', '45 1 * * *', LORD_HOWE, '2027-04-04', ['01:45:00+11:00']],
    ['so elsewhere', '30 2 * * *', KOLKATA, '2027-10-31', ['02:30:00+05:30']],
    [
      'a repetition within an hour that comes twice counts twice',
      '*/30 2 * * *',
      BERLIN,
      '2027-10-31',
      ['02:00:00+02:00', '02:30:00+02:00', '02:00:00+01:00', '02:30:00+01:00'],
    ],
    [
      'so elsewhere',
      '*/30 1 * * *',
      NEW_YORK,
      '2027-11-07',
      ['01:00:00-04:00', '01:30:00-04:00', '01:00:00-05:00', '01:30:00-05:00'],
    ],
    [
      'so elsewhere',
      '*/15 1 * * *',
      LORD_HOWE,
      '2027-04-04',
      ['01:00:00+11:00', '01:15:00+11:00', '01:30:00+11:00', '01:45:00+11:00', '01:30:00+10:30', '01:45:00+10:30'],
    ],
    ['a repetition within an hour that does not exist never comes', '*/30 2 * * *', BERLIN, '2027-03-28', []],
    ['so elsewhere', '*/30 2 * * *', NEW_YORK, '2027-03-14', []],
    ['so elsewhere', '*/15 2 * * *', LORD_HOWE, '2027-10-03', ['02:30:00+11:00', '02:45:00+11:00']],
    ['so elsewhere', '*/30 2 * * *', KOLKATA, '2027-03-28', ['02:00:00+05:30', '02:30:00+05:30']],
  ])('%s: %s in %s on %s', (_what, cron, timezone, day, expected) => {
    expect(onDay({ cron, timezone }, day)).toEqual(expected.map((time) => `${day}T${time}`));
  });

  test.each([
    [BERLIN, '2027-03-28', 23],
    [BERLIN, '2027-10-31', 25],
    [NEW_YORK, '2027-03-14', 23],
    [NEW_YORK, '2027-11-07', 25],
    // Half an hour is left out, or repeated: the clocks show a whole hour 23 times and 24 times.
    [LORD_HOWE, '2027-10-03', 23],
    [LORD_HOWE, '2027-04-04', 24],
    [KOLKATA, '2027-03-28', 24],
  ])('each hour counts that there is: %s on %s has %i', (timezone, day, hours) => {
    expect(onDay({ cron: '0 * * * *', timezone }, day)).toHaveLength(hours);
  });

  test.each([
    ['30 2 * * *', BERLIN],
    ['*/30 2 * * *', BERLIN],
    ['45 1 * * *', LORD_HOWE],
    ['*/15 1 * * *', LORD_HOWE],
  ])('what comes next does not depend on where one begins: %s in %s', (cron, timezone) => {
    const { next } = timingOf({ cron, timezone });
    const end = Date.parse('2028-01-01');
    const all: number[] = [];
    for (let at = next(Date.parse('2027-01-01')) as number; at < end; at = next(at) as number) all.push(at);
    for (const day of ['2027-03-28', '2027-10-31', '2027-10-03', '2027-04-04']) {
      const from = Date.parse(day) - 12 * 3_600_000;
      for (let at = from; at < from + 86_400_000; at += 300_000) expect(next(at)).toBe(all.find((due) => due > at));
    }
  });
});

test('the 13th or a Friday, as cron has it', () => {
  expect(dueTimes({ cron: '0 0 13 * 5' }, '2027-10-08T00:00:00Z', '2027-10-23T00:00:00Z')).toEqual([
    '2027-10-08T00:00:00+00:00',
    '2027-10-13T00:00:00+00:00',
    '2027-10-15T00:00:00+00:00',
    '2027-10-22T00:00:00+00:00',
  ]);
});

test.each([
  ['*/20 * * * * *', ['00:00:20', '00:00:40', '00:01:00']],
  ['@hourly', ['01:00:00', '02:00:00', '03:00:00']],
  ['0 6 L * MON#1', undefined],
  ['0 9 * JAN-MAR MON-FRI', undefined],
])('%s can be read', (cron, times) => {
  expect(timingProblems({ cron })).toEqual([]);
  if (times === undefined) return;
  const { next } = timingOf({ cron });
  let at = Date.parse('2027-01-01');
  for (const time of times) {
    at = next(at) ?? 0;
    expect(new Date(at).toISOString()).toContain(time);
  }
});

test('an interval is aligned to the epoch, not to its beginning', () => {
  const { next } = timingOf({ every: 300_000 });
  expect(next(Date.parse('2027-01-01T00:01:07Z'))).toBe(Date.parse('2027-01-01T00:05:00Z'));
  expect(next(Date.parse('2027-01-01T00:05:00Z'))).toBe(Date.parse('2027-01-01T00:10:00Z'));
});

test.each([
  [{}, 'cron', 'INVALID_CRON', /either a cron expression or an interval/],
  [{ cron: '@daily', every: 5000 }, 'cron', 'INVALID_CRON', /and not both/],
  [{ cron: '0 0 31 2 *' }, 'cron', 'NEVER_DUE', /no such day/],
  [{ cron: '@every 5m' }, 'cron', 'INVALID_CRON', /use every instead, such as every: 5m/],
  [{ cron: '5m' }, 'cron', 'INVALID_CRON', /use every instead/],
  [{ cron: 'H 3 * * *' }, 'cron', 'INVALID_CRON', /use jitter/],
  [{ cron: 'H/15 * * * *' }, 'cron', 'INVALID_CRON', /use jitter/],
  [{ cron: 'TZ=Europe/Berlin 0 3 * * *' }, 'cron', 'INVALID_CRON', /use timezone/],
  [{ cron: '@reboot' }, 'cron', 'INVALID_CRON', /when the program starts/],
  [{ cron: '0 0 * * * * 2027' }, 'cron', 'INVALID_CRON', /5 fields/],
  [{ cron: '2027-03-01T00:00:00' }, 'cron', 'INVALID_CRON', /5 fields/],
  [{ cron: '' }, 'cron', 'INVALID_CRON', /5 fields/],
  [{ cron: '61 * * * *' }, 'cron', 'INVALID_CRON', /minute: 61/],
  [{ cron: '@daily', timezone: 'Mars/Olympus' }, 'timezone', 'UNKNOWN_TIMEZONE', /Europe\/Berlin/],
  [{ cron: '@daily', timezone: '+02:00' }, 'timezone', 'UNKNOWN_TIMEZONE', /Europe\/Berlin/],
  [{ every: 999 }, 'every', 'INVALID_EVERY', /1s or more/],
  [{ every: Number.NaN }, 'every', 'INVALID_EVERY', /1s or more/],
] as const)('%j is refused: %s, %s', (options, option, code, message) => {
  expect(timingProblems(options)).toEqual([{ option, code, message: expect.stringMatching(message) }]);
});
