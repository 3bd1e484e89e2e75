import { describe, expect, expectTypeOf, test } from 'vitest';
import { createSnapshotStore } from '../../../src/engine/readiness/snapshot-store.ts';

describe('a snapshot store', () => {
  test('keeps values by key', () => {
    const store = createSnapshotStore<number>();
    expect(store.get('slices')).toBeUndefined();
    store.set('slices', 3);
    store.set('cubes', 2);
    store.set('slices', 4);
    expect([store.get('slices'), store.get('cubes')]).toEqual([4, 2]);
    expect([store.delete('slices'), store.delete('slices')]).toEqual([true, false]);
    expect([store.get('slices'), store.get('cubes')]).toEqual([undefined, 2]);
    expectTypeOf(store.get('cubes')).toEqualTypeOf<number | undefined>();
    expectTypeOf(createSnapshotStore().get('cubes')).toBeUnknown();
  });

  test('tells which worker is at which job', () => {
    const store = createSnapshotStore();
    expect(store.snapshotsInProgress()).toEqual({});
    store.setJobSnapshot('blend', 'worker-1');
    store.setJobSnapshot('dice', 'worker-2');
    store.setJobSnapshot('blend', 'worker-3');
    expect(store.snapshotsInProgress()).toEqual({ blend: 'worker-3', dice: 'worker-2' });
    store.clearJobSnapshot('blend');
    store.clearJobSnapshot('never set');
    expect(store.snapshotsInProgress()).toEqual({ dice: 'worker-2' });
  });

  test('hands out a plain, frozen record of that moment', () => {
    const store = createSnapshotStore();
    store.setJobSnapshot('dice', 'worker-2');
    const before = store.snapshotsInProgress();
    store.setJobSnapshot('blend', 'worker-1');
    store.clearJobSnapshot('dice');
    expect(before).toStrictEqual({ dice: 'worker-2' });
    expect(Object.isFrozen(before)).toBe(true);
    expect(structuredClone(before)).toEqual(before);
  });

  test.each([
    ['dice'],
    ['snapshot_dice'],
    ['__proto__'],
    [''],
  ])('never mixes a key with a job of one name: %j', (name) => {
    const store = createSnapshotStore();
    store.set(name, { mine: true });
    expect(store.snapshotsInProgress()).toEqual({});
    store.setJobSnapshot(name, 'worker-1');
    expect(store.get(name)).toEqual({ mine: true });
    expect(Object.entries(store.snapshotsInProgress())).toEqual([[name, 'worker-1']]);
    store.delete(name);
    expect(Object.keys(store.snapshotsInProgress())).toEqual([name]);
    store.set(name, 5);
    store.clearJobSnapshot(name);
    expect([store.get(name), store.snapshotsInProgress()]).toEqual([5, {}]);
  });

  test('shares nothing with another store', () => {
    const [one, two] = [createSnapshotStore(), createSnapshotStore()];
    one.set('a', 1);
    one.setJobSnapshot('dice', 'worker-1');
    expect([two.get('a'), two.snapshotsInProgress()]).toEqual([undefined, {}]);
  });
});
