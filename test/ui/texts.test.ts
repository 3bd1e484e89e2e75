import './stand-ins.ts';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { unitId } from '../../src/server/units/unit-id.ts';
import { readList, writeList } from '../../ui/src/address/parameters.ts';
import { cutText } from '../../ui/src/text/cut.ts';
import { agoText, durationText } from '../../ui/src/text/duration.ts';
import { pathOfUnit, unitIdOf } from '../../ui/src/units/unit-id.ts';

test.each([
  [undefined, '–'],
  [-1, '–'],
  [Number.NaN, '–'],
  [Number.POSITIVE_INFINITY, '–'],
  [0, '0 ms'],
  [999.4, '999 ms'],
  [999.6, '1.0 s'],
  [9_949, '9.9 s'],
  [9_950, '10 s'],
  [59_499, '59 s'],
  [59_600, '1 m 00 s'],
  [185_000, '3 m 05 s'],
  [7_800_000, '2 h 10 m'],
  [360_000_000, '4 d 4 h'],
])('%s ms read %s', (ms, text) => {
  expect(durationText(ms)).toBe(text);
});

test('what was long ago is told in larger units', () => {
  expect([-5, 59_000, 3_599_000, 7_200_000, 200_000_000].map(agoText)).toEqual([
    '0 s ago',
    '59 s ago',
    '59 min ago',
    '2 h ago',
    '2 d ago',
  ]);
});

test('a list of paths in the address comes back as it was', () => {
  fc.assert(
    fc.property(fc.array(fc.string({ minLength: 1 }), { minLength: 1 }), (paths) => {
      expect(readList(writeList(paths))).toEqual(paths);
    }),
  );
  expect(readList('')).toEqual([]);
});

test('the page names a unit as the server does', () => {
  fc.assert(
    fc.property(fc.string({ minLength: 1, unit: 'grapheme' }), (path) => {
      expect(unitIdOf('job.1', path)).toBe(unitId('job.1', path));
      expect(pathOfUnit(unitId('job.1', path))).toBe(path);
    }),
  );
});

test('a text is cut between letters', () => {
  expect(['ab👩cd', 'abc'].map((text) => [2, 3, 4, 5].map((most) => cutText(text, most)))).toEqual([
    ['ab', 'ab', 'ab👩', 'ab👩c'],
    ['ab', 'abc', 'abc', 'abc'],
  ]);
});
