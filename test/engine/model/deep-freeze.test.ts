import { runInNewContext } from 'node:vm';
import { defineJob } from 'tintype';
import { expect, test } from 'vitest';

test('what a task returns is frozen throughout: objects, arrays, maps and sets, also of another realm', async () => {
  const day = new Date(0);
  class Own {
    readonly parts = { a: 1 };
  }
  const make = () => ({
    list: [{ a: 1 }],
    map: new Map([['a', { b: 1 }]]),
    set: new Set([{ c: 1 }]),
    foreign: runInNewContext('({ inner: { a: 1 } })'),
    bare: Object.assign(Object.create(null), { inner: {} }),
    half: Object.freeze({ inner: {} }),
    day,
    own: new Own(),
  });
  const { list, map, set, foreign, bare, own } = await defineJob('frozen').task('make', make).start().orThrow();
  for (const part of [list, list[0], map, map.get('a'), set, [...set][0], foreign, foreign.inner, bare, bare.inner])
    expect(Object.isFrozen(part)).toBe(true);
  for (const change of [
    () => map.set('b', { b: 2 }),
    () => map.clear(),
    () => set.add({ c: 2 }),
    () => map.delete('a'),
  ])
    expect(change).toThrow(TypeError);
  for (const part of [day, own, own.parts]) expect(Object.isFrozen(part)).toBe(false);
});

test('an output of 2,500 levels is frozen down to the last', async () => {
  const deepest = { a: 1 };
  let list: unknown = deepest;
  for (let level = 0; level < 2_500; level++) list = [list];
  expect(
    (
      await defineJob('deep')
        .task('make', () => ({ list }))
        .start()
    ).state,
  ).toBe('completed');
  expect(Object.isFrozen(deepest)).toBe(true);
});
