import fc from 'fast-check';
import { expect, test } from 'vitest';
import { durationText } from '../../../src/engine/views/duration-text.ts';
import { isoText } from '../../../src/events/iso-text.ts';

test('an epoch time is the same moment as that of Date, from the year 0 to 9999', () => {
  const moments = fc.integer({
    min: Date.UTC(0, 0, 1) - 1_900 * 31_556_952_000,
    max: Date.parse('9999-12-31T23:59:59.999Z'),
  });
  fc.assert(
    fc.property(moments, (ms) => {
      expect(isoText(ms)).toBe(new Date(ms).toISOString());
    }),
    { seed: 7, numRuns: 2_000 },
  );
});

test.each([
  '1970-01-01T00:00:00.000Z',
  '1969-12-31T23:59:59.999Z',
  '2000-02-29T12:34:56.789Z',
  '2023-12-31T23:59:59.999Z',
  '2024-02-29T00:00:00.000Z',
  '2100-03-01T00:00:00.000Z',
])('%s is written as such', (text) => {
  expect(isoText(Date.parse(text))).toBe(text);
});

test('parts of a millisecond are dropped from a moment', () => {
  expect(isoText(1.9)).toBe('1970-01-01T00:00:00.001Z');
});

test.each([
  [0, '0ms'],
  [999.4, '999ms'],
  [1_250, '1.25s'],
  [60_000, '1m0s'],
  [125_040, '2m5.04s'],
  [3_600_000, '1h0m0s'],
  [90_061_001, '25h1m1.001s'],
  [-1, '0ms'],
])('%d ms are written %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});
