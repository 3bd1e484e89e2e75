import './stand-ins.ts';
import { expect, test } from 'vitest';
import { JobModel } from '../../ui/src/job/job-model.ts';
import { mostAtOnce, ranAndWaited, runningCurve } from '../../ui/src/timeline/running-curve.ts';
import { timeScale } from '../../ui/src/timeline/time-axis.ts';
import { columns } from './columns.ts';

const times = { startAt: [0, 2, 2.25, -1], endAt: [2, -1, 2.75, -1] };
const all = [0, 1, 2, 3];

test('the curve is how many ran in each column on average, so that one task after the other is a flat line', () => {
  const { counts, most } = runningCurve(times, all, 4, timeScale(0, 5, 5));
  expect([...counts]).toEqual([1, 1, 1.5, 1, 0]);
  expect(most).toBe(1.5);
});

test('what is out of sight counts as far as it is in sight', () => {
  expect([...runningCurve(times, all, 4, timeScale(1, 3, 2)).counts]).toEqual([1, 1.5]);
});

test('the most at once is exact', () => {
  expect(mostAtOnce(times, all)).toBe(2);
  expect(mostAtOnce(times, [3])).toBe(0);
});

test('what waits does not run, also not between two attempts', () => {
  const { table } = new JobModel(
    columns([
      { name: 'done', state: 'completed', ready: 0, start: 1, end: 2 },
      { name: 'runs', state: 'running', ready: 1, start: 3 },
      { name: 'retrying', state: 'retrying', ready: 3, start: 3 },
      { name: 'given up', state: 'cancelled', ready: 0, end: 2 },
      { name: 'later' },
    ]),
  );
  const tasks = [0, 1, 2, 3, 4];
  const { ran, waits } = ranAndWaited(table, tasks);
  expect(ran).toEqual([0, 1]);
  expect([...runningCurve(table, ran, 4, timeScale(0, 4, 4)).counts]).toEqual([0, 1, 0, 1]);
  expect([...runningCurve(waits, tasks, 4, timeScale(0, 4, 4)).counts]).toEqual([2, 2, 1, 1]);
});
