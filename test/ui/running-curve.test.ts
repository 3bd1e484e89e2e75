import './stand-ins.ts';
import { expect, test } from 'vitest';
import { mostAtOnce, runningCurve } from '../../ui/src/timeline/running-curve.ts';
import { timeScale } from '../../ui/src/timeline/time-axis.ts';

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
