import fc from 'fast-check';
import { expect, test } from 'vitest';
import { scaledScroll } from '../../ui/src/lists/scaled-scroll.ts';

const VIEW = 700;

test('a list that browsers can hold is scrolled as it is', () => {
  const { height, placeOf, scrollTopOf } = scaledScroll(36_000, VIEW);
  expect([height, placeOf(500), scrollTopOf(500)]).toEqual([36_000, 500, 500]);
});

test.each([222_223, 300_000, 10_000_000])('of %s rows the first and the last are reached', (count) => {
  const full = count * 36;
  const { height, placeOf } = scaledScroll(full, VIEW);
  expect(height).toBe(8_000_000);
  expect(placeOf(0)).toBe(0);
  expect(placeOf(height - VIEW)).toBeCloseTo(full - VIEW, 3);
});

test('a place is where the scroll to it leads', () => {
  fc.assert(
    fc.property(fc.integer({ min: VIEW, max: 400_000_000 }), fc.integer({ min: 1, max: VIEW }), (full, view) => {
      const { placeOf, scrollTopOf } = scaledScroll(full, view);
      expect(placeOf(scrollTopOf(full - view))).toBeCloseTo(full - view, 3);
    }),
  );
});
