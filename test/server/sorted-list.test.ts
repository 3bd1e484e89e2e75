import fc from 'fast-check';
import { expect, test } from 'vitest';
import { SortedList } from '../../src/server/lists/sorted-list.ts';

/** `FC_SEED=… npx vitest run test/server/sorted-list.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

test('whatever is added and removed, the list has the items in order, and finds what comes after any', () => {
  const change = fc.record({ item: fc.integer({ min: 0, max: 2000 }), adds: fc.boolean() });
  fc.assert(
    fc.property(
      fc.array(change, { maxLength: 3000, size: 'max' }),
      fc.integer({ min: -1, max: 2001 }),
      (changes, from) => {
        const list = new SortedList<number>((a, b) => a - b);
        const expected = new Set<number>();
        for (const { item, adds } of changes) {
          if (!adds) {
            list.remove(item);
            expected.delete(item);
          } else if (!expected.has(item)) {
            list.add(item);
            expected.add(item);
          }
        }
        const items = [...expected].sort((a, b) => a - b);
        expect([...list.from()]).toEqual(items);
        expect([...list.from(from)]).toEqual(items.filter((item) => item > from));
        expect([list.size, list.first(), list.first(from)]).toEqual([
          items.length,
          items[0],
          items.find((item) => item > from),
        ]);
      },
    ),
    { numRuns: 100, ...seeded },
  );
});
