import './stand-ins.ts';
import { expect, test } from 'vitest';
import { buildGraph } from '../../src/engine/definition/graph.ts';
import { criticalPathOf } from '../../src/engine/views/critical-path.ts';
import { seededRandom } from '../../src/testing.ts';
import { isFaded, isShareFaded } from '../../ui/src/graph/faded.ts';
import { criticalPath, slackOf } from '../../ui/src/job/critical-path.ts';
import { JobModel } from '../../ui/src/job/job-model.ts';
import { tookMs } from '../../ui/src/job/took.ts';
import { AttemptLog } from '../../ui/src/timeline/attempt-log.ts';
import { timelineRows } from '../../ui/src/timeline/timeline-rows.ts';
import { columns } from './columns.ts';

const done = { state: 'completed' } as const;

const diamond = new JobModel(
  columns([
    { name: 'a', ...done, ready: 0, start: 0, end: 100 },
    { name: 'slow', up: [0], ...done, ready: 100, start: 100, end: 900 },
    { name: 'fast', up: [0], ...done, ready: 100, start: 100, end: 300 },
    { name: 'b', up: [1, 2], ...done, ready: 900, start: 900, end: 1000 },
  ]),
);

test('the critical path is what decided the end, and the rest had time to spare', () => {
  expect([...criticalPath(diamond)].sort()).toEqual([0, 1, 3]);
  expect([0, 1, 2, 3].map((index) => slackOf(diamond, index))).toEqual([0, 0, 600, 0]);
});

test('what never ran has no slack, and takes none from what it waited for', () => {
  const model = new JobModel(
    columns([
      { name: 'long', ...done, ready: 0, start: 0, end: 900 },
      { name: 'broken', state: 'failed', ready: 0, start: 0, end: 50 },
      { name: 'last', up: [0, 1], state: 'skipped', end: 50 },
    ]),
  );
  expect([0, 1, 2].map((index) => slackOf(model, index))).toEqual([0, 850, undefined]);
});

test('the critical path is the longest by time, not what ended last after a wait for a slot', () => {
  const tasks = [
    { name: 'long', ...done, ready: 0, start: 0, end: 500 },
    { name: 'after', up: [0], ...done, ready: 500, start: 500, end: 600 },
    { name: 'queued', ...done, ready: 0, start: 600, end: 900 },
  ];
  const model = new JobModel(columns(tasks));
  expect([...criticalPath(model)]).toEqual([0, 1]);
  expect(slackOf(model, 2)).toBe(300);
});

test('the critical path of a job that runs goes on to its end: by what is known, else by the number of tasks', () => {
  const begun = new JobModel(
    columns([
      { name: 'quick', ...done, ready: 0, start: 0, end: 10 },
      { name: 'slow', ready: 0, start: 0, state: 'running' },
      { name: 'a', up: [0] },
      { name: 'b', up: [2] },
      { name: 'end', up: [1, 3] },
    ]),
  );
  expect([...criticalPath(begun)]).toEqual([1, 4]);
  const fresh = new JobModel(columns([{ name: 'x' }, { name: 'y' }, { name: 'z', up: [1] }]));
  expect([...criticalPath(fresh)]).toEqual([1, 2]);
});

const SEED = 17;

test(`the critical path is that of the engine, for any graph (seed ${SEED})`, () => {
  const random = seededRandom(SEED);
  for (let time = 0; time < 200; time++) {
    const tasks = Array.from({ length: 1 + Math.floor(12 * random()) }, (_, at) => ({
      name: `t${at}`,
      ...done,
      ready: 0,
      start: 0,
      end: Math.floor(9 * random()),
      up: Array.from({ length: at }, (_, before) => before).filter(() => random() < 0.3),
    }));
    const graph = buildGraph(tasks.map(({ name, up }) => ({ name, dependsOn: up.map((one) => `t${one}`) })));
    const { path, slack } = criticalPathOf(
      graph,
      tasks.map(({ end }) => end),
    );
    const model = new JobModel(columns(tasks));
    expect([...criticalPath(model)]).toEqual(path);
    expect(tasks.map((_, at) => slackOf(model, at))).toEqual(tasks.map((_, at) => slack(at)));
  }
});

test('rows stand by when they were ready; what is unfolded follows what is around it', () => {
  const model = new JobModel(
    columns([
      { name: 'late', ready: 50, start: 60, state: 'running' },
      { name: 'never' },
      { name: 'outer', kind: 'job', ready: 10, start: 10, state: 'running' },
      { name: 'x', parent: 2, ready: 12, start: 12, end: 20, state: 'failed' },
    ]),
  );
  const rows = (open: readonly string[], states: readonly string[] = []) =>
    timelineRows(model, {
      open: new Set(open),
      unfoldsAll: open.includes('all'),
      states: new Set(states),
      hits: undefined,
    }).map(({ index }) => index);
  expect(rows([])).toEqual([2, 0, 1]);
  expect(rows(['outer'])).toEqual([2, 3, 0, 1]);
  expect(rows(['all'])).toEqual([2, 3, 0, 1]);
  expect(rows([], ['failed'])).toEqual([2]);
});

test('each attempt is a bar of its own', () => {
  const model = new JobModel(columns([{ name: 'a', attempt: 2 }], { seq: 3 }));
  model.setHistory([
    { type: 'patch', seq: 3, data: [0, 'w', 0, 0, 0, 'r', 5, 1, 0, 't', 30, 1, 0, 'w', 60, 1, 0, 'r', 61, 2] },
  ]);
  const log = new AttemptLog(model);
  log.update();
  model.apply({ type: 'patch', seq: 4, data: [0, 'c', 90, 2] });
  log.update();
  expect(log.of(0)).toEqual([
    { startAt: 5, endAt: 30, state: 'retrying' },
    { startAt: 61, endAt: 90, state: 'completed' },
  ]);
});

test('what is not sought or not of the state fades, a map unless it holds something that is sought', () => {
  const model = new JobModel(
    columns([
      { name: 'mail', kind: 'map', state: 'running' },
      { name: '[0]', parent: 0, state: 'failed' },
      { name: 'ads', kind: 'map', state: 'running' },
      { name: '[0]', parent: 2, state: 'completed' },
    ]),
  );
  const none = { states: new Set<string>(), hits: undefined, preview: undefined };
  const faded = (meant: object) => [1, 3].map((task) => isFaded(model, { ...none, ...meant }, task));
  const shares = (meant: object) => [0, 2].map((task) => isShareFaded(model, { ...none, ...meant }, task, 'failed'));
  expect([faded({}), shares({})]).toEqual([
    [false, false],
    [false, false],
  ]);
  expect(faded({ states: new Set(['failed']) })).toEqual([false, true]);
  expect(faded({ hits: new Set([1]) })).toEqual([false, true]);
  expect(shares({ hits: new Set([1]) })).toEqual([false, true]);
  expect(shares({ states: new Set(['completed']) })).toEqual([true, true]);
  expect(shares({ preview: new Set([2, 3]) })).toEqual([true, false]);
});

test('a task took as long as it ran; how long is not known while it waits between attempts', () => {
  const model = new JobModel(
    columns([
      { name: 'done', state: 'completed', start: 10, end: 40 },
      { name: 'retrying', state: 'retrying', start: 10 },
      { name: 'ready' },
      { name: 'runs', state: 'running', start: 5 },
    ]),
  );
  expect([0, 1, 2].map((index) => tookMs(model, index))).toEqual([30, undefined, undefined]);
  expect(tookMs(model, 3)).toBeGreaterThan(9000);
});
