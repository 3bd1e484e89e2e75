import type { JobFilter } from 'tintype';
import { expect, onTestFinished, test } from 'vitest';
import { openSqliteJournal } from '../../src/journal/sqlite-journal.ts';
import { batch, driverAsked, lease, newFile, newJob, rawDatabase } from '../support/sqlite-files.ts';

/** How SQLite finds the jobs of a list, without its look for states that there are not. */
const planOf = async (filter: JobFilter): Promise<readonly string[]> => {
  const asked = new Set<string>();
  const file = newFile();
  const journal = openSqliteJournal(file, {}, driverAsked(asked));
  onTestFinished(() => void journal.close());
  await journal.create(newJob('a', { labels: { team: 'data' } }), lease());
  await journal.append([batch('a', { state: 'running' })]);
  await journal.jobs({ limit: 50, ...filter });
  const list = [...asked].find((sql) => sql.includes('AS place'));
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
  expect(await planOf(filter)).toEqual(expected);
});
