import fc from 'fast-check';
import { expect, test } from 'vitest';
import { listDiff } from '../../src/testing/list-diff.ts';

const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

/** A difference as text: ` a` in both lists, `-a` in the first alone, `+a` in the second alone. */
const shown = (first: readonly string[], second: readonly string[]): string =>
  listDiff(first, second)
    .map((line) =>
      line.in === 'second' ? `+${second[line.second]}` : `${line.in === 'both' ? ' ' : '-'}${first[line.first]}`,
    )
    .join('');

test.each([
  ['abc', 'abc', ' a b c'],
  ['abc', 'ac', ' a-b c'],
  ['ac', 'abc', ' a+b c'],
  ['abc', 'axc', ' a-b+x c'],
  ['', 'ab', '+a+b'],
  ['ab', '', '-a-b'],
  ['abcabba', 'cbabac', '-a-b c-a b+a b a+c'],
])('%s and %s', (first, second, expected) => {
  expect(shown([...first], [...second])).toBe(expected);
});

test('of any two lists has both, in order, and no more lines than it must', () => {
  const list = fc.array(fc.constantFrom('a', 'b', 'c'), { maxLength: 12 });
  const common = ([one, ...first]: readonly string[], [other, ...second]: readonly string[]): number => {
    if (one === undefined || other === undefined) return 0;
    if (one === other) return 1 + common(first, second);
    return Math.max(common([one, ...first], second), common(first, [other, ...second]));
  };
  fc.assert(
    fc.property(list, list, (first, second) => {
      const lines = listDiff(first, second);
      expect(lines.flatMap((line) => (line.in === 'second' ? [] : [line.first]))).toEqual([...first.keys()]);
      expect(lines.flatMap((line) => (line.in === 'first' ? [] : [line.second]))).toEqual([...second.keys()]);
      const both = lines.flatMap((line) => (line.in === 'both' ? [line] : []));
      for (const line of both) expect(first[line.first]).toBe(second[line.second]);
      if (first.length * second.length <= 80) expect(both.length).toBe(common(first, second));
    }),
    { numRuns: 500, ...seeded },
  );
});

test('of very long lists that have little in common is there at once', () => {
  const first = Array.from({ length: 5_000 }, (_, at) => `a${at}`);
  const second = Array.from({ length: 5_000 }, (_, at) => `b${at}`);
  const lines = listDiff(['x', ...first, 'y'], ['x', ...second, 'y']);
  expect(lines).toHaveLength(10_002);
  expect([lines[0]?.in, lines.at(-1)?.in]).toEqual(['both', 'both']);
});
