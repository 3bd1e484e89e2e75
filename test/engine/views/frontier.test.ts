import { expect, test } from 'vitest';
import { boundaryOf, frontierOf } from '../../../src/engine/views/frontier.ts';
import type { GraphView, TaskView } from '../../../src/engine/views/graph-view.ts';
import type { TaskState } from '../../../src/events/event.ts';

const task = (name: string, state: TaskState, dependsOn: readonly string[] = []): TaskView => ({
  name,
  kind: 'task',
  dependsOn,
  state,
});

const job = (...tasks: readonly TaskView[]): GraphView => ({ name: 'job', tasks });

/** Two branches: one has failed half way, the other is done but for its end, which needs both. */
const HALF = job(
  task('fetch', 'completed'),
  task('clean', 'failed', ['fetch']),
  task('sum', 'skipped', ['clean']),
  task('read', 'completed', ['fetch']),
  task('chart', 'completed', ['read']),
  task('report', 'skipped', ['sum', 'read', 'clean']),
  task('audit', 'completed'),
);

test('the frontier is what has not completed although its upstreams have', () => {
  expect(frontierOf(HALF)).toEqual([
    { task: 'clean', state: 'failed', blockedBy: [], subtree: ['clean', 'report', 'sum'] },
  ]);
});

test('the boundary is what has completed above anything that has not', () => {
  expect(boundaryOf(HALF)).toEqual([
    {
      task: 'fetch',
      state: 'completed',
      blockedBy: [],
      subtree: ['chart', 'clean', 'fetch', 'read', 'report', 'sum'],
    },
    { task: 'read', state: 'completed', blockedBy: [], subtree: ['chart', 'read', 'report'] },
  ]);
});

test('what failed or is not ready is in the frontier whatever its upstreams are', () => {
  const view = job(
    task('z', 'failed'),
    task('b', 'notReady', ['z', 'a']),
    task('a', 'cancelled'),
    task('c', 'failed', ['b', 'a', 'z']),
    task('d', 'skipped', ['c']),
  );
  expect(frontierOf(view)).toEqual([
    { task: 'a', state: 'cancelled', blockedBy: [], subtree: ['a', 'b', 'c', 'd'] },
    { task: 'b', state: 'notReady', blockedBy: ['a', 'z'], subtree: ['b', 'c', 'd'] },
    { task: 'c', state: 'failed', blockedBy: ['a', 'b', 'z'], subtree: ['c', 'd'] },
    { task: 'z', state: 'failed', blockedBy: [], subtree: ['b', 'c', 'd', 'z'] },
  ]);
  expect(boundaryOf(view)).toEqual([]);
});

test('a completed task below a tolerated failure is above nothing, and a running one is not blocked', () => {
  const view = job(task('a', 'failed'), task('b', 'completed', ['a']), task('c', 'running', ['b']));
  expect(frontierOf(view).map((item) => item.task)).toEqual(['a', 'c']);
  expect(boundaryOf(view).map((item) => item.task)).toEqual(['b']);
});

test('where all has completed, and where there is nothing, both are empty', () => {
  for (const view of [job(task('a', 'completed'), task('b', 'completed', ['a'])), job()]) {
    expect(frontierOf(view)).toEqual([]);
    expect(boundaryOf(view)).toEqual([]);
  }
});

test('the tasks of a definition are unscheduled', () => {
  const { state: _, ...undone } = task('a', 'ready');
  expect(frontierOf(job(undone))).toEqual([{ task: 'a', state: 'unscheduled', blockedBy: [], subtree: ['a'] }]);
});

test('a subtree is worked out once, and looks like any other property', () => {
  const [item] = frontierOf(job(task('a', 'ready'), task('b', 'unscheduled', ['a'])));
  expect(item?.subtree).toBe(item?.subtree);
  expect(Object.keys(item ?? {})).toEqual(['task', 'state', 'blockedBy', 'subtree']);
  expect(JSON.parse(JSON.stringify(item))).toEqual(item);
  expect(item).toStrictEqual({ task: 'a', state: 'ready', blockedBy: [], subtree: ['a', 'b'] });
});

test('names are ordered by code unit, so that every locale agrees', () => {
  const names = frontierOf(job(...['b', 'ä', 'a', 'B', 'Z'].map((name) => task(name, 'ready')))).map(
    (item) => item.task,
  );
  expect(names).toEqual(['B', 'Z', 'a', 'b', 'ä']);
});

test('ten thousand tasks in layers take no more than a moment', () => {
  const tasks = Array.from({ length: 10_000 }, (_, index) => {
    const layer = Math.floor(index / 100);
    const dependsOn =
      layer === 0 ? [] : Array.from({ length: 10 }, (_, k) => `t${(layer - 1) * 100 + ((index + k) % 100)}`);
    return task(`t${index}`, index === 5_050 ? 'failed' : index < 5_100 ? 'completed' : 'skipped', dependsOn);
  });
  const began = performance.now();
  const frontier = frontierOf({ name: 'layers', tasks });
  expect(frontier.map((item) => item.task)).toContain('t5050');
  expect(frontier.find((item) => item.task === 't5050')?.subtree.length).toBeGreaterThan(4_000);
  expect(boundaryOf({ name: 'layers', tasks }).length).toBeGreaterThan(5_000);
  expect(performance.now() - began).toBeLessThan(2_000);
});

test('the boundary of a chain of five thousand whose last task failed holds all others, at once', () => {
  const tasks = Array.from({ length: 5_000 }, (_, index) =>
    task(`t${index}`, index === 4_999 ? 'failed' : 'completed', index === 0 ? [] : [`t${index - 1}`]),
  );
  const began = performance.now();
  const boundary = boundaryOf({ name: 'chain', tasks });
  expect(performance.now() - began).toBeLessThan(500);
  expect(boundary).toHaveLength(4_999);
  expect(boundary.find((item) => item.task === 't4000')?.subtree).toHaveLength(1_000);
});
