// biome-ignore-all lint/suspicious/noTemplateCurlyInString: this is how an expression in an input looks
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { defineJob } from '../../src/engine/builder.ts';
import type { Journal } from '../../src/engine/durable/journal.ts';
import { createEngine } from '../../src/engine/engine.ts';
import { JournalError } from '../../src/engine/errors/errors.ts';
import type { AnyDefinition } from '../../src/engine/job-definition.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { defineSchedule, type ScheduleOptions } from '../../src/server/schedules/define-schedule.ts';
import { ScheduledRuns } from '../../src/server/schedules/scheduled-runs.ts';
import type { ServiceStore } from '../../src/server/store/service-store.ts';
import { storeOf } from '../../src/server/store/store-of.ts';
import { type VirtualClock, virtualClock } from '../../src/testing/virtual-clock.ts';
import { testServer } from '../support/server.ts';

const [SECOND, MINUTE, HOUR] = [1000, 60_000, 3_600_000];
const START = Date.parse('2027-03-01T00:00:00Z');

/** A job that takes so long, and may fail. */
const report = (clock: VirtualClock, { lasts = 0, fails = () => false as boolean } = {}) =>
  defineJob('report')
    .task('write', ({ signal }) => {
      if (fails()) throw new Error('disk full');
      if (lasts === 0) return {};
      return new Promise<object>((resolve, reject) => {
        clock.setTimer(() => resolve({}), lasts);
        signal.addEventListener('abort', () => reject(signal.reason));
      });
    })
    .seal();

type Given = Omit<ScheduleOptions, 'name' | 'definition'>;
type Setting = { readonly clock?: VirtualClock; readonly journal?: Journal } & Parameters<typeof report>[1];

/** A server with one schedule `nightly` of the job. */
const scheduled = async (
  given: Given,
  { clock = virtualClock(START), journal = memoryJournal(), ...job }: Setting = {},
) => {
  const schedules = [defineSchedule({ name: 'nightly', definition: report(clock, job), ...given })];
  const made = await testServer({ clock, journal, schedules });
  const minuteOf = (iso = '') => (Date.parse(iso) - START) / MINUTE;
  return {
    ...made,
    clock,
    journal,
    /** Ends the server while jobs run. */
    close: async (): Promise<void> => {
      const closed = made.server.close({ graceMs: MINUTE });
      await clock.advance(HOUR);
      await closed;
    },
    /** The due times of all jobs, in minutes from the start, with the minute at which each began. */
    jobs: async (): Promise<readonly string[]> =>
      (await journal.jobs({ order: 'oldest' })).map(({ labels, createdAt, state }) => {
        return `${minuteOf(labels.due)} at ${(createdAt - START) / MINUTE}, ${state}`;
      }),
    recent: async (): Promise<readonly string[]> => {
      const { body } = await made.call('GET', '/schedules/nightly');
      const { recent } = body as { readonly recent: readonly { due: number; outcome: string; count?: number }[] };
      return recent
        .map(
          ({ due, outcome, count }) => `${(due - START) / MINUTE} ${outcome}${count === undefined ? '' : ` ${count}`}`,
        )
        .toReversed();
    },
  };
};

describe('a schedule', () => {
  test('starts a job when it is due, with its labels, its key and the due time in its input', async () => {
    const { clock, server, call } = await scheduled({
      cron: '30 2 * * *',
      timezone: 'Europe/Berlin',
      input: { day: 'of ${{ schedule.due }} by ${{schedule.name}}' },
    });
    await clock.advance(24 * HOUR);
    const { body } = await call('GET', '/jobs?schedule=nightly');
    const due = '2027-03-01T01:30:00.000Z';
    expect(body).toMatchObject({
      items: [
        {
          name: 'report',
          state: 'completed',
          jobKey: `schedule:nightly:${due}`,
          labels: { schedule: 'nightly', due },
          createdAt: Date.parse(due),
        },
      ],
    });
    const [{ id }] = (body as { items: [{ id: string }] }).items;
    expect(await call('GET', `/jobs/${id}`)).toMatchObject({
      body: { input: { day: `of ${due} by nightly` } },
    });
    await server.close();
  });

  test('begins at start, and ends before end', async () => {
    const { clock, jobs, server } = await scheduled({
      every: '10m',
      start: new Date(START + 20 * MINUTE),
      end: START + 40 * MINUTE,
    });
    await clock.advance(2 * HOUR);
    expect(await jobs()).toEqual(['20 at 20, completed', '30 at 30, completed']);
    await server.close();
  });

  test('that is not enabled starts nothing', async () => {
    const { clock, jobs, server } = await scheduled({ every: '10m', enabled: false });
    await clock.advance(2 * HOUR);
    expect(await jobs()).toEqual([]);
    await server.close();
  });

  test('with jitter starts each job a while later, the same while for the same due time', async () => {
    const begun = async () => {
      const { clock, jobs, server } = await scheduled({ every: '1h', jitter: '30m' });
      await clock.advance(5 * HOUR);
      await server.close();
      return jobs();
    };
    const first = await begun();
    const delays = first.map((text) => Number(/at ([\d.]+)/.exec(text)?.[1]) % 60);
    expect(delays).toHaveLength(4);
    expect(new Set(delays).size).toBe(4);
    expect(Math.max(...delays)).toBeLessThan(30);
    expect(await begun()).toEqual(first);
  });

  test('notices that the clock was set, or the machine slept', async () => {
    const { clock, jobs, recent, server } = await scheduled({ every: '1h' });
    clock.setWall(START + 5.5 * HOUR);
    await clock.advance(MINUTE);
    expect(await jobs()).toEqual(['300 at 331, completed']);
    expect(await recent()).toEqual(['240 missed 4', '300 started']);
    await server.close();
  });
});

describe('after the clock was set back', () => {
  const DAY = 24 * HOUR;

  test('by a day, what lies ahead again starts when it is due, and what was started is not started twice', async () => {
    const { clock, jobs, recent, server } = await scheduled({ every: '1h' });
    // It was set ahead by mistake.
    clock.setWall(START + DAY + 30 * MINUTE);
    await clock.advance(HOUR);
    expect(await recent()).toEqual(['1380 missed 23', '1440 started', '1500 started']);
    clock.setWall(START + 90 * MINUTE);
    await clock.advance(MINUTE);
    await clock.advance(2 * HOUR);
    expect(await recent()).toEqual(['1380 missed 23', '1440 started', '1500 started', '120 started', '180 started']);
    await clock.advance(23 * HOUR);
    const dues = (await jobs()).map((text) => Number.parseInt(text, 10)).sort((a, b) => a - b);
    expect(dues).toEqual([...new Set(dues)]);
    expect(dues).toEqual(Array.from({ length: 25 }, (_, index) => 120 + index * 60));
    expect((await recent()).filter((text) => text === '1440 started')).toHaveLength(1);
    await server.close();
  });

  test('while no server runs', async () => {
    const clock = virtualClock(START + DAY);
    const first = await scheduled({ every: '1h' }, { clock });
    await clock.advance(2 * HOUR);
    await first.server.close();
    clock.setWall(START);
    const { recent, server } = await scheduled({ every: '1h' }, { clock, journal: first.journal });
    await clock.advance(HOUR);
    expect((await recent()).at(-1)).toBe('60 started');
    await server.close();
  });

  test('what waits for its jitter comes again, once; what is backfilled stays owed', async () => {
    const { clock, recent, call, server } = await scheduled({ cron: '0 12 * * *', jitter: '1h' });
    await clock.advance(12 * HOUR + SECOND);
    expect(await call('GET', '/schedules/nightly')).toMatchObject({ body: { owed: [{ due: START + 12 * HOUR }] } });
    clock.setWall(START);
    await clock.advance(MINUTE);
    expect(await call('GET', '/schedules/nightly')).toMatchObject({
      body: { owed: [], nextDue: START + 12 * HOUR },
    });
    await clock.advance(13 * HOUR);
    expect(await recent()).toEqual(['720 started']);
    await server.close();
  });

  test.each([5, 900, 30_000])('by %s ms, each due time is decided once, and all goes on', async (by) => {
    const made = await scheduled({ every: '1s' }, { lasts: 1500 });
    const decided: string[] = [];
    for (let round = 1; round <= 5; round++) {
      await made.clock.advance(40 * SECOND);
      decided.push(...(await made.recent()).filter((text) => !decided.slice(-50).includes(text)));
      made.clock.setWall(made.clock.now() - by);
    }
    await made.clock.advance(40 * SECOND);
    decided.push(...(await made.recent()).filter((text) => !decided.slice(-50).includes(text)));
    const dues = decided.map((text) => Math.round(Number.parseFloat(text) * 60));
    const last = Math.floor((made.clock.now() - START) / SECOND);
    expect(dues).toEqual(Array.from({ length: last }, (_, index) => index + 1));
    await made.close();
  });

  test('also a schedule goes on that waits to try again what the journal has refused', async () => {
    const journal = memoryJournal();
    const { clock, recent, server } = await scheduled({ every: '1h' }, { journal });
    clock.setWall(START + DAY);
    const store: { put: ServiceStore['put'] } = storeOf(journal);
    const { put } = store;
    store.put = () => {
      throw new JournalError('JOURNAL_LOCKED', 'The database is locked.');
    };
    await clock.advance(MINUTE);
    clock.setWall(START);
    await clock.advance(SECOND);
    store.put = put;
    await clock.advance(HOUR);
    expect(await recent()).toEqual(['60 started']);
    await server.close();
  });
});

describe('if a job still runs when the next is due', () => {
  test.each([
    [
      'skip',
      ['10 at 10, completed', '40 at 40, running'],
      ['10 started', '20 skipped', '30 skipped', '40 started', '50 skipped'],
    ],
    [
      'queue',
      ['10 at 10, completed', '20 at 35, completed', '40 at 60, running'],
      ['10 started', '30 skipped', '20 started', '50 skipped', '40 started'],
    ],
    [
      'allow',
      [10, 20, 30, 40, 50, 60].map((due) => `${due} at ${due}, ${due < 40 ? 'completed' : 'running'}`),
      [10, 20, 30, 40, 50, 60].map((due) => `${due} started`),
    ],
    [
      'cancel',
      [10, 20, 30, 40, 50, 60].map((due) => `${due} at ${due}, ${due < 60 ? 'cancelled' : 'running'}`),
      [10, 20, 30, 40, 50, 60].map((due) => `${due} started`),
    ],
  ] as const)('%s', async (overlap, jobs, recent) => {
    const made = await scheduled({ every: '10m', overlap }, { lasts: 25 * MINUTE });
    await made.clock.advance(60 * MINUTE);
    const all = await made.jobs();
    expect(all).toEqual(jobs);
    expect((await made.recent()).slice(0, recent.length)).toEqual(recent);
    await made.close();
  });
});

describe('a job with the label of the schedule that another process runs', () => {
  /** Runs such a job for 25 minutes in another engine, as another process does. */
  const besides = async (overlap: 'skip' | 'queue' | 'cancel') => {
    const [clock, kept] = [virtualClock(START), memoryJournal()];
    const sent: string[] = [];
    const journal: typeof kept = {
      ...kept,
      send: (jobId, message) => {
        sent.push(message);
        return kept.send(jobId, message);
      },
    };
    const other = createEngine({ clock, journal: { ...journal } });
    const job = other.start(report(clock, { lasts: 25 * MINUTE }), {}, { labels: { schedule: 'nightly' } });
    await job.saved();
    const made = await scheduled({ every: '10m', overlap }, { clock, journal });
    await clock.advance(30 * MINUTE);
    const seen = { jobs: await made.jobs(), recent: await made.recent(), sent };
    await made.server.close();
    await other.close();
    return seen;
  };

  test('makes the next be skipped', async () => {
    const { recent } = await besides('skip');
    expect(recent).toEqual(['10 skipped', '20 skipped', '30 started']);
  });

  test('is waited for, within seconds of its end', async () => {
    const { jobs, recent } = await besides('queue');
    expect(recent).toEqual(['20 skipped', '10 started', '30 started']);
    expect(Number(/^10 at ([\d.]+)/.exec(jobs[1] ?? '')?.[1])).toBeCloseTo(25, 0);
  });

  test('is cancelled', async () => {
    const { sent } = await besides('cancel');
    expect(sent.map((message) => JSON.parse(message))).toEqual([
      { type: 'cancel', reason: 'The schedule "nightly" starts the next job.' },
    ]);
  });

  test.each([
    ['no definition', { definitions: [] as readonly AnyDefinition[], metadata: {} }],
    ['tintype run', { definitions: undefined, metadata: { workers: 1, grace: 1 } }],
  ])('does not count if it is interrupted, and nobody takes it up: %s', async (_, { definitions, metadata }) => {
    const [clock, journal] = [virtualClock(START), memoryJournal()];
    const other = createEngine({ clock, journal: { ...journal } });
    const waits = defineJob(definitions ? 'gone' : 'report')
      .task('write', () => new Promise<object>(() => {}))
      .seal();
    await other.start(waits, {}, { labels: { schedule: 'nightly' }, metadata }).saved();
    const closed = other.close({ mode: 'drain', graceMs: 0 });
    await clock.advance(MINUTE);
    await closed;
    const { recent, server } = await scheduled({ every: '10m' }, { clock, journal });
    await clock.advance(10 * MINUTE);
    expect(await recent()).toEqual(['10 started']);
    await server.close();
  });

  test('counts if it is interrupted, and this server will take it up', async () => {
    const [clock, journal] = [virtualClock(START), memoryJournal()];
    const { recent, server } = await scheduled({ cron: '30 10 * * * *' }, { clock, journal });
    await clock.advance(10 * MINUTE + 15 * SECOND);
    const other = createEngine({ clock, journal: { ...journal } });
    const waits = report(clock, { lasts: HOUR });
    await other.start(waits, {}, { labels: { schedule: 'nightly' } }).saved();
    const closed = other.close({ mode: 'drain', graceMs: 0 });
    await clock.advance(15 * SECOND);
    await closed;
    expect(await recent()).toEqual(['10.5 skipped']);
    const ended = server.close({ graceMs: MINUTE });
    await clock.advance(2 * HOUR);
    await ended;
  });
});

describe('what was due while no server ran', () => {
  test.each([
    [{ catchup: 'latest' }, ['60 at 65, completed'], ['50 missed 5', '60 started']],
    [{ catchup: 'latest', catchupWindow: '3m' }, [], ['60 missed 6']],
    [{ catchup: 'none' }, [], ['60 missed 6']],
    [
      { catchup: 'all', catchupWindow: '30m' },
      ['40 at 65, completed', '50 at 70, completed', '60 at 75, completed'],
      ['30 missed 3', '40 started', '50 started', '60 started'],
    ],
  ] as const)('with %j', async (given, jobs, recent) => {
    const clock = virtualClock(START);
    const first = await scheduled({ every: '10m', ...given }, { clock });
    await first.server.close();
    await clock.advance(65 * MINUTE);
    const made = await scheduled({ every: '10m', ...given }, { clock, journal: first.journal, lasts: 5 * MINUTE });
    await clock.advance(3 * MINUTE);
    if (given.catchup === 'all') await clock.advance(12 * MINUTE + SECOND);
    const all = await made.jobs();
    expect(all.slice(0, jobs.length).map((text) => text.replace('running', 'completed'))).toEqual(jobs);
    expect((await made.recent()).slice(0, recent.length)).toEqual(recent);
    await made.close();
  });

  test('what is due meanwhile waits for what is caught up, and comes in order', async () => {
    const clock = virtualClock(START);
    const given = { every: '10m', catchup: 'all' } as const;
    const first = await scheduled(given, { clock });
    await first.server.close();
    await clock.advance(35 * MINUTE);
    const made = await scheduled(given, { clock, journal: first.journal, lasts: 4 * MINUTE });
    await clock.advance(20 * MINUTE);
    expect((await made.jobs()).slice(0, 5)).toEqual([
      '10 at 35, completed',
      '20 at 39, completed',
      '30 at 43, completed',
      '40 at 47, completed',
    ]);
    await made.close();
  });

  test('a schedule that is new, or has another timing, has missed nothing', async () => {
    const clock = virtualClock(START);
    const first = await scheduled({ every: '10m' }, { clock });
    await first.server.close();
    await clock.advance(65 * MINUTE);
    const made = await scheduled({ every: '20m' }, { clock, journal: first.journal });
    await clock.advance(MINUTE);
    expect([await made.jobs(), await made.recent()]).toEqual([[], []]);
    await clock.advance(20 * MINUTE);
    expect(await made.jobs()).toEqual(['80 at 80, completed']);
    await made.server.close();
  });
});

describe('failed jobs', () => {
  test('in a row pause a schedule, until it is resumed', async () => {
    let fails = true;
    const { clock, jobs, call, server } = await scheduled({ every: '10m', pauseOnFailure: 3 }, { fails: () => fails });
    await clock.advance(60 * MINUTE);
    expect(await jobs()).toEqual(['10 at 10, failed', '20 at 20, failed', '30 at 30, failed']);
    expect(await call('GET', '/schedules/nightly')).toMatchObject({
      body: { paused: { at: START + 30 * MINUTE, reason: '3 jobs in a row failed.' }, failures: 3 },
    });
    fails = false;
    await call('POST', '/schedules/nightly/resume');
    await clock.advance(10 * MINUTE);
    expect((await jobs()).slice(3)).toEqual(['70 at 70, completed']);
    await server.close();
  });

  test('that could not be started count, and say why', async () => {
    const clock = virtualClock(START);
    const schedules = [defineSchedule({ name: 'nightly', definition: 'gone', every: '10m', pauseOnFailure: 2 })];
    const { call, server } = await testServer({ clock, schedules });
    await clock.advance(60 * MINUTE);
    expect(await call('GET', '/schedules/nightly')).toMatchObject({
      body: {
        paused: { reason: '2 jobs in a row failed.' },
        recent: [{ outcome: 'failed', reason: 'There is no definition "gone".' }, { outcome: 'failed' }],
      },
    });
    await server.close();
  });
});

const folders: string[] = [];
const folder = (files: Readonly<Record<string, string>>): string => {
  const made = mkdtempSync(join(tmpdir(), 'tintype-schedules-'));
  folders.push(made);
  for (const [name, text] of Object.entries(files)) writeFileSync(join(made, name), text);
  return made;
};
afterEach(() => {
  for (const made of folders.splice(0)) rmSync(made, { recursive: true, force: true });
});

const approval = (schedule: string, name = 'Approval of bills'): string =>
  `name: ${name}\nparams: { day: none }\nschedule: ${schedule}\ntasks:\n  - {name: approve, type: external}\n`;

describe('schedules of workflow files', () => {
  test('start jobs with params, have the name of the file, and follow its changes', async () => {
    const clock = virtualClock(START);
    const workflows = folder({
      'a.yaml': approval(
        "[{ every: 10m, overlap: allow, input: { params: { day: '${{ schedule.due }}' } } }, '@daily']",
      ),
    });
    const { call, server } = await testServer({ clock, workflows });
    expect(await call('GET', '/schedules')).toMatchObject({
      body: {
        items: [
          {
            name: 'approval-of-bills',
            source: 'file',
            file: 'a.yaml',
            definition: 'Approval of bills',
            every: 600_000,
          },
          { name: 'approval-of-bills-2', cron: '@daily', timezone: 'UTC', overlap: 'skip' },
        ],
      },
    });
    await clock.advance(11 * MINUTE);
    const jobs = async () => ((await call('GET', '/jobs?order=oldest')).body as { items: { id: string }[] }).items;
    const [first] = await jobs();
    expect(await call('GET', `/jobs/${first?.id}`)).toMatchObject({
      body: { input: { params: { day: '2027-03-01T00:10:00.000Z' } } },
    });
    writeFileSync(join(workflows, 'a.yaml'), approval('{ every: 20m, overlap: allow, name: bills }'));
    await clock.advance(40 * MINUTE);
    expect(await jobs()).toMatchObject([
      { labels: { schedule: 'approval-of-bills' } },
      { labels: { schedule: 'bills', due: '2027-03-01T00:20:00.000Z' } },
      { labels: { schedule: 'bills', due: '2027-03-01T00:40:00.000Z' } },
    ]);
    expect(await call('GET', '/schedules/approval-of-bills')).toMatchObject({
      status: 404,
      body: { code: 'SCHEDULE_NOT_FOUND' },
    });
    rmSync(join(workflows, 'a.yaml'));
    await clock.advance(HOUR);
    expect([await jobs(), (await call('GET', '/schedules')).body]).toMatchObject([{ length: 3 }, { items: [] }]);
    await server.close();
  });

  test('overlap as the file says, unless they say it themselves', async () => {
    const text = approval('[{ every: 10m }, { every: 20m, overlap: skip }]');
    const workflows = folder({ 'a.yaml': `overlap: cancel\n${text}` });
    const { call, server } = await testServer({ workflows });
    expect((await call('GET', '/schedules')).body).toMatchObject({
      items: [{ overlap: 'cancel' }, { overlap: 'skip' }],
    });
    await server.close();
  });

  test('can only be changed there, but paused and resumed; a pause is kept', async () => {
    const [clock, journal] = [virtualClock(START), memoryJournal()];
    const workflows = folder({ 'a.yaml': approval('{ every: 10m, overlap: allow }', 'bills') });
    const first = await testServer({ clock, workflows, journal });
    const change = { definition: 'bills', cron: '@daily' };
    for (const [method, body] of [
      ['PUT', change],
      ['DELETE', undefined],
    ] as const)
      expect(await first.call(method, '/schedules/bills', { body })).toMatchObject({
        status: 409,
        body: { code: 'DEFINED_IN_FILE', detail: expect.stringContaining('a.yaml') },
      });
    expect(await first.call('POST', '/schedules', { body: { name: 'bills', ...change } })).toMatchObject({
      status: 409,
      body: { code: 'SCHEDULE_EXISTS' },
    });
    await first.call('POST', '/schedules/bills/pause', { body: { reason: 'holidays' } });
    await first.server.close();
    const { call, server } = await testServer({ clock, workflows, journal });
    await clock.advance(HOUR);
    expect(await call('GET', '/schedules/bills')).toMatchObject({
      body: { paused: { reason: 'holidays' }, recent: [] },
    });
    await call('POST', '/schedules/bills/resume');
    await clock.advance(10 * MINUTE);
    expect(await call('GET', '/schedules/bills')).toMatchObject({
      body: { recent: [{ due: START + 70 * MINUTE, outcome: 'started' }] },
    });
    await server.close();
  });

  test('of two with one name the first is used, and says so', async () => {
    const workflows = folder({
      'a.yaml': approval('{ every: 10m, name: same }', 'a'),
      'b.yaml': approval('{ every: 20m, name: same }', 'b'),
    });
    const { call, server } = await testServer({ workflows });
    expect(await call('GET', '/schedules')).toMatchObject({
      body: { items: [{ definition: 'a', problems: [expect.stringContaining('the file b.yaml')] }] },
    });
    await server.close();
  });
});

describe('over HTTP', () => {
  const etl = defineJob('etl')
    .task('load', () => {})
    .seal();
  const nightly = { name: 'nightly', definition: 'etl', cron: '30 2 * * *', timezone: 'Europe/Berlin' };

  test('a schedule is made, shown, replaced and removed; another server has it', async () => {
    const [clock, journal] = [virtualClock(START), memoryJournal()];
    const first = await testServer({ clock, journal, definitions: [etl] });
    const made = await first.call('POST', '/schedules', { body: nightly });
    expect([made.status, made.headers.get('location'), made.body]).toMatchObject([
      201,
      'schedules/nightly',
      { source: 'api', catchup: 'latest', catchupWindow: 86_400_000, nextDue: Date.parse('2027-03-01T01:30:00Z') },
    ]);
    await first.server.close();
    const { call, server } = await testServer({ clock, journal, definitions: [etl] });
    await clock.advance(2 * HOUR);
    expect((await call('GET', '/jobs')).body).toMatchObject({ items: [{ labels: { schedule: 'nightly' } }] });
    const every = { definition: 'etl', every: '1h' };
    expect(await call('PUT', '/schedules/nightly', { body: every })).toMatchObject({
      status: 200,
      body: { every: 3_600_000, nextDue: START + 3 * HOUR },
    });
    expect(await call('PUT', '/schedules/other', { body: every })).toMatchObject({ status: 404 });
    expect(await call('DELETE', '/schedules/nightly')).toMatchObject({ status: 204 });
    await clock.advance(3 * HOUR);
    expect((await call('GET', '/jobs')).body).toMatchObject({ items: { length: 1 } });
    expect(await call('DELETE', '/schedules/nightly')).toMatchObject({ status: 404 });
    await server.close();
  });

  test.each([
    [{ ...nightly, cron: '0 0 31 2 *' }, 422, 'NEVER_DUE'],
    [{ ...nightly, cron: '@every 5m' }, 422, 'INVALID_CRON'],
    [{ ...nightly, timezone: 'Mars/Olympus' }, 422, 'UNKNOWN_TIMEZONE'],
    [{ ...nightly, every: '5m' }, 422, 'INVALID_CRON'],
    [{ name: 'nightly', definition: 'etl' }, 422, 'INVALID_CRON'],
    [{ name: 'nightly', definition: 'etl', every: 999 }, 422, 'INVALID_EVERY'],
    [{ ...nightly, input: { day: '${{ ctx.day }}' } }, 422, 'UNKNOWN_REFERENCE'],
    [{ ...nightly, start: 2, end: 1 }, 422, 'INVALID_VALUE'],
    [{ ...nightly, definition: 'elt' }, 404, undefined],
    [{ ...nightly, name: 'At Night' }, 400, undefined],
    [{ ...nightly, jitter: 'a while' }, 400, undefined],
  ])('%j is refused', async (body, status, code) => {
    const { call, server } = await testServer({ definitions: [etl] });
    const refused = await call('POST', '/schedules', { body });
    expect(refused).toMatchObject({ status });
    if (code !== undefined) expect(refused.body).toMatchObject({ code: 'INVALID_CRON', problems: [{ code }] });
    await server.close();
  });

  test('of many schedules, a change and a due time cost no work for the others', async () => {
    const journal = memoryJournal();
    const clock = virtualClock(START);
    const { call, server } = await testServer({ clock, journal, definitions: [report(clock)] });
    const looks = vi.spyOn(ScheduledRuns.prototype, 'wakeAt', 'get');
    const lists = vi.spyOn(storeOf(journal), 'list');
    const costs = async (act: () => Promise<unknown>): Promise<number> => {
      looks.mockClear();
      await act();
      return looks.mock.calls.length;
    };
    try {
      const create = (name: string, every: string) =>
        call('POST', '/schedules', { body: { name, definition: 'report', every } });
      for (let made = 0; made < 100; made++) await create(`of-hours-${made}`, '1h');
      expect(await costs(() => create('of-minutes', '1m'))).toBeLessThan(5);
      expect(await costs(() => clock.advance(MINUTE))).toBeLessThan(10);
      expect(await costs(() => call('DELETE', '/schedules/of-minutes'))).toBeLessThan(5);
      expect(await costs(() => clock.advance(HOUR))).toBeGreaterThan(99);
      expect(lists.mock.calls.filter(([kind]) => kind === 'schedule')).toEqual([]);
      const { body } = await call('GET', '/schedules?limit=2');
      expect(body).toMatchObject({ items: [{ name: 'of-hours-0' }, { name: 'of-hours-1' }] });
    } finally {
      looks.mockRestore();
      lists.mockRestore();
      await server.close();
    }
  });

  test('the next runs show clock changes', async () => {
    const { call, server } = await testServer({
      clock: virtualClock(Date.parse('2027-03-27T00:00:00Z')),
      definitions: [etl],
    });
    await call('POST', '/schedules', { body: nightly });
    expect(await call('GET', '/schedules/nightly/next?count=3')).toMatchObject({
      body: {
        items: [
          { local: '2027-03-27T02:30:00+01:00' },
          { local: '2027-03-28T03:00:00+02:00', due: Date.parse('2027-03-28T01:00:00Z') },
          { local: '2027-03-29T02:30:00+02:00' },
        ],
      },
    });
    await server.close();
  });

  test('a pause without a reason names who asked for it; what is paused is shown with its next runs', async () => {
    const { call, clock, server, jobs } = await scheduled({ every: '10m' });
    const { body } = await call('POST', '/schedules/nightly/pause');
    expect(body).toMatchObject({ paused: { at: START, reason: expect.any(String) } });
    expect(body).not.toHaveProperty('nextDue');
    expect(await call('GET', '/schedules/nightly/next?count=1')).toMatchObject({
      body: { items: [{ due: START + 10 * MINUTE, at: START + 10 * MINUTE }] },
    });
    await clock.advance(HOUR);
    expect(await jobs()).toEqual([]);
    await server.close();
  });

  test('a trigger starts a job whatever runs, and once for its key', async () => {
    const { call, clock, close, jobs } = await scheduled({ every: '1h' }, { lasts: HOUR });
    const headers = { 'idempotency-key': 'k' };
    const [first, again] = [
      await call('POST', '/schedules/nightly/trigger', { headers }),
      await call('POST', '/schedules/nightly/trigger', { headers }),
    ];
    expect([first.status, again.body]).toEqual([201, first.body]);
    await call('POST', '/schedules/nightly/trigger');
    await clock.advance(SECOND);
    expect(await jobs()).toEqual(['0 at 0, running', '0 at 0, running']);
    await close();
  });

  test('a backfill is shown first, then starts one job after the other, what is due before the rest', async () => {
    const { call, close, clock, jobs } = await scheduled({ every: '10m' }, { lasts: 4 * MINUTE });
    await clock.advance(5 * MINUTE);
    const body = { from: START - 40 * MINUTE, to: START };
    const dueTimes = [-40, -30, -20, -10].map((minutes) => START + minutes * MINUTE);
    expect((await call('POST', '/schedules/nightly/backfill', { body: { ...body, dryRun: true } })).body).toEqual({
      dueTimes,
    });
    expect(await jobs()).toEqual([]);
    expect((await call('POST', '/schedules/nightly/backfill', { body })).body).toEqual({ dueTimes });
    await clock.advance(19 * MINUTE);
    expect(await jobs()).toEqual([
      '-40 at 5, completed',
      '-30 at 9, completed',
      '10 at 13, completed',
      '-20 at 17, completed',
      '20 at 21, running',
    ]);
    await clock.advance(20 * MINUTE);
    expect((await jobs()).filter((text) => text.startsWith('-'))).toHaveLength(4);
    // Once more: the same due times are the same jobs.
    const { length } = await jobs();
    await call('POST', '/schedules/nightly/backfill', { body });
    await clock.advance(5 * MINUTE);
    expect(await jobs()).toHaveLength(length);
    await close();
  });

  test('a backfill of too much, or of the future, is refused', async () => {
    const { call, server } = await scheduled({ every: '1s' });
    for (const body of [
      { from: START - 1001 * SECOND, to: START },
      { from: START, to: START + 1 },
    ])
      expect(await call('POST', '/schedules/nightly/backfill', { body })).toMatchObject({ status: 400 });
    const body = { from: START - 1000 * SECOND, to: START, dryRun: true };
    expect(await call('POST', '/schedules/nightly/backfill', { body })).toMatchObject({
      body: { dueTimes: { length: 1000 } },
    });
    await server.close();
  });
});
