import { expect, test, vi } from 'vitest';
import type { PatchEvent } from '../../src/wire/patches.ts';
import { JobModel } from '../../ui/src/job/job-model.ts';
import { columns } from './columns.ts';
import { nextFrame } from './stand-ins.ts';

const patch = (seq: number, ...data: (number | string)[]): PatchEvent => ({ type: 'patch', seq, data });

const outer = [
  { name: 'fetch', state: 'running', ready: 0, start: 0 },
  { name: 'outer', kind: 'job', state: 'unscheduled', up: [0] },
  { name: 'one', parent: 1 },
  { name: 'two', parent: 1, up: [2] },
] as const;

test('counts roll up to what is around, and only tasks without others inside count', () => {
  const model = new JobModel(columns(outer));
  expect(model.tally.total(-1)).toBe(3);
  expect(model.tally.count(-1, 'unscheduled')).toBe(2);
  model.apply(patch(1, 0, 'c', 500, 1, 1, 'w', 500, 0, 1, 'r', 501, 1, 2, 'w', 501, 0, 2, 'r', 502, 1));
  expect(model.tally.counts(1)).toMatchObject({ running: 1, unscheduled: 1 });
  expect(model.tally.count(-1, 'completed')).toBe(1);
  expect(model.tally.total(1)).toBe(2);
});

test('paths name items of maps by their brackets and tasks within others by slashes', () => {
  const model = new JobModel(
    columns([
      { name: 'clean', kind: 'map' },
      { name: '[3]', parent: 0, kind: 'item' },
      { name: 'o', kind: 'job' },
      { name: 'i', parent: 2 },
    ]),
  );
  expect(model.indexOf('clean[3]')).toBe(1);
  expect(model.path(3)).toBe('o/i');
  expect(model.indexOf('o/nothing')).toBeUndefined();
});

test('a patch that comes again after a cut changes nothing', () => {
  const model = new JobModel(columns(outer));
  model.apply(patch(4, 0, 'c', 500, 1));
  model.apply(patch(4, 0, 'r', 100, 1));
  expect(model.state(0)).toBe('completed');
  expect(model.seq).toBe(4);
});

test('a new task appears, and a removed one is no longer there', () => {
  const model = new JobModel(columns(outer));
  const { shape } = model;
  model.apply({
    type: 'tasks',
    seq: undefined,
    data: { index: [4], names: 'three', parent: [1], kind: 'f', up: [[3]] },
  });
  expect(model.inside(1)).toEqual([2, 3]);
  model.apply(patch(7, 4, 'u', 900, 0));
  expect(model.inside(1)).toEqual([2, 3, 4]);
  expect(model.indexOf('outer/three')).toBe(4);
  expect(model.shape).toBeGreaterThan(shape);
  model.apply(patch(8, 4, '-', 950, 0));
  expect(model.inside(1)).toEqual([2, 3]);
});

test('whoever watches is told once a frame', () => {
  const model = new JobModel(columns(outer));
  nextFrame();
  const told = vi.fn();
  const stop = model.watch(told);
  model.apply(patch(1, 0, 'c', 500, 1));
  model.apply(patch(2, 1, 'w', 500, 0));
  expect(told).not.toHaveBeenCalled();
  nextFrame();
  expect(told).toHaveBeenCalledTimes(1);
  stop();
  model.apply(patch(3, 1, 'r', 501, 1));
  nextFrame();
  expect(told).toHaveBeenCalledTimes(1);
});

test('a moment is shown as it was, while what happens goes on beneath', () => {
  const model = new JobModel(columns([{ name: 'a', state: 'completed', ready: 0, start: 10, end: 500 }], { seq: 9 }));
  model.setHistory([
    { type: 'tasks', seq: undefined, data: { index: [0], names: 'a', parent: [-1], kind: 'f', up: [[]] } },
    patch(3, 0, 'u', 0, 0, 0, 'w', 0, 0, 0, 'r', 10, 1),
    patch(5, 0, 't', 100, 1, 0, 'w', 150, 1, 0, 'r', 200, 2),
    patch(9, 0, 'c', 500, 2),
  ]);
  const stateAt = (moment: number): string => {
    model.replay(moment);
    return model.state(0);
  };
  expect([5, 50, 120, 160, 300, 500].map(stateAt)).toEqual([
    'ready',
    'running',
    'retrying',
    'ready',
    'running',
    'completed',
  ]);
  model.replay(120);
  model.apply(patch(12, 0, 'w', 700, 0));
  expect(model.state(0)).toBe('retrying');
  model.replay(undefined);
  expect(model.state(0)).toBe('ready');
});

test('the history and what comes while it is fetched are known once each, and nothing is kept before', () => {
  const model = new JobModel(columns(outer));
  const early = patch(1, 0, 'c', 500, 1);
  const late = patch(2, 1, 'w', 500, 0);
  model.apply(early);
  expect(model.beginHistory()).toBe(1);
  model.apply(late);
  expect(model.events).toEqual([]);
  model.setHistory([early]);
  expect(model.events).toEqual([early, late]);
});

test('durations use the time of the server, whatever the clock of this machine says', () => {
  const now = vi.spyOn(performance, 'now').mockReturnValue(1000);
  const model = new JobModel(columns(outer));
  expect(model.liveNow).toBe(10_000);
  now.mockReturnValue(3500);
  expect(model.liveNow).toBe(12_500);
  model.apply(patch(1, 0, 'c', 13_000, 1));
  expect(model.liveNow).toBe(13_000);
  now.mockRestore();
});
