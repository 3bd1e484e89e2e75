import type { CountFilter, JobFilter } from 'tintype';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteJournal, type SqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { batch, driverAsked, lease, newFile, newJob, opened, rawDatabase } from '../support/sqlite-files.ts';

/** How SQLite finds the jobs of a list or a count, without its look for states that there are not. */
const planOf = async (read: (journal: SqliteJournal) => unknown, sign: string): Promise<readonly string[]> => {
  const asked = new Set<string>();
  const file = newFile();
  const journal = openSqliteJournal(file, {}, driverAsked(asked));
  onTestFinished(() => void journal.close());
  await journal.create(newJob('a', { labels: { team: 'data' } }), lease());
  await journal.append([batch('a', { state: 'running' })]);
  await read(journal);
  const list = [...asked].find((sql) => sql.includes(sign));
  return rawDatabase(file)
    .prepare(`EXPLAIN QUERY PLAN ${list}`)
    .all()
    .map(({ detail }) => String(detail))
    .filter(
      (step) => /^(SCAN|SEARCH) (job|label) /.test(step) && !/rowid=|LEFT-JOIN|label_by_job|state[<>]/.test(step),
    );
};

const JOB = 'SEARCH job USING COVERING INDEX';
const LABEL = 'SEARCH label USING PRIMARY KEY';

test.each<[string, JobFilter, readonly string[]]>([
  ['the newest jobs', {}, ['SCAN job USING COVERING INDEX job_by_time']],
  ['jobs before a time', { before: 5 }, [`${JOB} job_by_time (created_at<?)`]],
  ['jobs of a state', { states: ['failed'] }, [`${JOB} job_by_state (state=?)`]],
  ['jobs of a name', { names: ['etl'] }, [`${JOB} job_by_name (name=?)`]],
  ['jobs of two names', { names: ['etl', 'x'] }, [`${JOB} job_by_name (name=?)`, `${JOB} job_by_name (name=?)`]],
  [
    'jobs of a name and state',
    { names: ['etl'], states: ['failed'] },
    [`${JOB} job_by_name_and_state (name=? AND state=?)`],
  ],
  ['jobs with a label', { labels: { team: 'data' } }, [`${LABEL} (key=? AND value=?)`]],
  [
    'jobs with a label, since a time',
    { labels: { team: 'data' }, since: 5 },
    [`${LABEL} (key=? AND value=? AND created_at>?)`],
  ],
  [
    'jobs with a label and a rarer state',
    { labels: { team: 'data' }, states: ['failed'] },
    [`${JOB} job_by_state (state=?)`],
  ],
  [
    'jobs with a rare label and a state',
    { labels: { team: 'x' }, states: ['running'] },
    [`${LABEL} (key=? AND value=?)`],
  ],
])('%s are found by an index', async (_what, filter, expected) => {
  expect(await planOf((journal) => journal.jobs({ limit: 50, ...filter }), 'AS place')).toEqual(expected);
});

test('jobs are found by how their id begins, if thousands begin so and others have a name that does', async () => {
  const journal = opened(newFile());
  const made = Array.from({ length: 4_200 }, (_, at) =>
    newJob(at % 40 === 0 ? `other-${at}` : `run-${at}`, { name: at % 40 === 0 ? 'Runner' : 'etl', createdAt: at >> 2 }),
  );
  await journal.append(made.map((job) => batch(job.id, { creates: { job, lease: lease() } })));
  const expected = made.map(({ id }) => id).reverse();
  expect((await journal.jobs({ prefix: 'run' })).map(({ id }) => id)).toEqual(expected);
  expect((await journal.jobs({ prefix: 'run', offset: 30, limit: 50 })).map(({ id }) => id)).toEqual(
    expected.slice(30, 80),
  );
  const { cursor } = (await journal.jobs({ prefix: 'run', offset: 39, limit: 1 }))[0] ?? {};
  expect((await journal.jobs({ prefix: 'run', cursor, limit: 50 })).map(({ id }) => id)).toEqual(
    expected.slice(40, 90),
  );
  expect(await journal.counts({ by: 'state', prefix: 'run' })).toEqual([{ value: 'idle', count: 4_200 }]);
  expect(await journal.counts({ by: 'state', prefix: 'run-' })).toEqual([{ value: 'idle', count: 4_095 }]);
});

test.each<[string, CountFilter, readonly string[]]>([
  ['all by state', { by: 'state' }, ['SCAN job USING COVERING INDEX job_by_state']],
  ['all by name', { by: 'name' }, ['SCAN job USING COVERING INDEX job_by_name']],
  ['by state, of a time', { by: 'state', since: 5, before: 7 }, ['SCAN job USING COVERING INDEX job_by_state']],
  ['by state, of names', { by: 'state', names: ['etl'] }, [`${JOB} job_by_name_and_state (name=?)`]],
  ['by name, of states', { by: 'name', states: ['failed'] }, ['SCAN job USING COVERING INDEX job_by_name_and_state']],
  ['by state, of a label', { by: 'state', labels: { team: 'data' } }, [`${LABEL} (key=? AND value=?)`]],
])('jobs are counted %s by an index', async (_what, filter, expected) => {
  expect(await planOf((journal) => journal.counts(filter), 'GROUP BY')).toEqual(expected);
});
