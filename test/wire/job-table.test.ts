import { expect, test } from 'vitest';
import { TaskBody } from '../../src/server/schemas/task.ts';
import type { JobColumns } from '../../src/wire/job-columns.ts';
import { applyEvent, columnsOf, pathOf, tableOf } from '../../src/wire/job-table.ts';
import { KIND_LETTERS, kindOf, STATE_LETTERS, stateOf, TASK_KINDS, TASK_STATES } from '../../src/wire/letters.ts';
import { changesIn, tasksAdded } from '../../src/wire/patches.ts';

const columns: JobColumns = {
  seq: 4,
  epoch: 'one',
  startedAt: 1000,
  now: 2000,
  names: 'get\nclean\n[0]',
  parent: [-1, -1, 1],
  kind: 'fmi',
  up: [[], [0], []],
  state: 'rw-',
  readyAt: [0, 5, -1],
  startAt: [1, -1, -1],
  endAt: [-1, -1, -1],
  attempt: [1, 0, 0],
  job: { id: 'j', name: 'etl', state: 'running', labels: {}, runs: 'here', createdAt: 1000, startedAt: 1000 },
};

test('each state and kind has a letter of its own', () => {
  expect(TASK_STATES).toEqual(TaskBody.shape.state.options);
  for (const state of TASK_STATES) expect(stateOf(STATE_LETTERS[state])).toBe(state);
  for (const kind of TASK_KINDS) expect(kindOf(KIND_LETTERS[kind])).toBe(kind);
  expect(stateOf('-')).toBeUndefined();
});

test('columns are the same after a table was made of them', () => {
  expect(columnsOf(tableOf(columns), 2000)).toEqual(columns);
  const empty = { ...columns, names: '', parent: [], kind: '', up: [], state: '' };
  const none = { ...empty, readyAt: [], startAt: [], endAt: [], attempt: [] };
  expect(columnsOf(tableOf(none), 2000)).toEqual(none);
});

test('a patch changes states, first times and attempts; new tasks are told before', () => {
  const table = tableOf(columns);
  const rows = [{ index: 3, name: '[1]', parent: 1, kind: KIND_LETTERS.item, up: [] }];
  applyEvent(table, { type: 'tasks', seq: undefined, data: tasksAdded(rows) });
  const data = [0, 't', 20, 1, 0, 'w', 30, 1, 0, 'r', 31, 2, 0, 'c', 40, 2, 1, 'r', 41, 1, 3, 'w', 42, 0];
  applyEvent(table, { type: 'patch', seq: 10, data });
  const { seq, state, readyAt, startAt, endAt, attempt } = columnsOf(table, 0);
  expect({ seq, state, readyAt, startAt, endAt, attempt }).toEqual({
    seq: 10,
    state: 'cr-w',
    readyAt: [0, 5, -1, 42],
    startAt: [1, 41, -1, -1],
    endAt: [40, -1, -1, -1],
    attempt: [2, 1, 0, 0],
  });
  expect([0, 1, 3].map((index) => pathOf(table, index))).toEqual(['get', 'clean', 'clean[1]']);
  expect([...changesIn(data)].length).toBe(6);
});

test('a task that is retried when it had failed begins with new times; a map runs its items anew', () => {
  const table = tableOf({ ...columns, state: 'cfc', endAt: [3, 9, 8], readyAt: [0, 5, 6], startAt: [1, 5, 7] });
  applyEvent(table, { type: 'patch', seq: 5, data: [1, 'w', 100, 1, 1, 'r', 110, 2] });
  const { state, readyAt, startAt, endAt } = columnsOf(table, 0);
  expect({ state, readyAt, startAt, endAt }).toEqual({
    state: 'cr-',
    readyAt: [0, 100, -1],
    startAt: [1, 110, -1],
    endAt: [3, -1, -1],
  });
});

test('the head follows the transitions of the job', () => {
  const table = tableOf(columns);
  const job = (data: object, seq: number) => applyEvent(table, { type: 'job', seq, data: { at: seq, ...data } });
  job({ from: 'running', to: 'failed', error: { name: 'Error', message: 'no' } }, 5);
  expect(table.job).toMatchObject({ state: 'failed', endedAt: 5, error: { message: 'no' } });
  job({ from: 'failed', to: 'running' }, 6);
  expect(table.job).toMatchObject({ state: 'running', startedAt: 6, endedAt: undefined, error: undefined });
  job({ resumedBy: 'another' }, 7);
  expect(table.job.state).toBe('running');
  expect(table.seq).toBe(7);
});
