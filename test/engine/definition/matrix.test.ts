import { defineJob, matrix } from 'tintype';
import { describe, expect, expectTypeOf, test } from 'vitest';

describe('a matrix', () => {
  test('has an item for each combination, of which the last axis changes first', () => {
    const items = matrix({ os: ['linux', 'mac'], node: [20, 22] });
    expect(items).toEqual([
      { os: 'linux', node: 20 },
      { os: 'linux', node: 22 },
      { os: 'mac', node: 20 },
      { os: 'mac', node: 22 },
    ]);
    const [first] = items;
    expectTypeOf(first?.os).toEqualTypeOf<'linux' | 'mac' | undefined>();
    expectTypeOf(first?.node).toEqualTypeOf<20 | 22 | undefined>();
  });

  test('has none without axes, or with one that is empty', () => {
    expect([matrix({}), matrix({ os: [] as string[], node: [20] })]).toEqual([[], []]);
  });

  test('leaves out each combination that has all values of one that is excluded, however deep', () => {
    const items = matrix(
      { os: ['linux', 'mac'], target: [{ cpu: 'arm' }, { cpu: 'x86' }] },
      {
        exclude: [
          { os: 'linux', target: { cpu: 'arm' } },
          { os: 'mac', target: { cpu: 'x86' } },
        ],
      },
    );
    expect(items).toEqual([
      { os: 'linux', target: { cpu: 'x86' } },
      { os: 'mac', target: { cpu: 'arm' } },
    ]);
  });

  // The example of GitHub's page on matrix strategies.
  test('includes what changes no value of an axis in all that it fits, else as an item of its own', () => {
    expect(
      matrix(
        { fruit: ['apple', 'pear'], animal: ['cat', 'dog'] },
        {
          include: [
            { color: 'green' },
            { color: 'pink', animal: 'cat' },
            { fruit: 'apple', shape: 'circle' },
            { fruit: 'banana' },
            { fruit: 'banana', animal: 'cat' },
          ],
        },
      ),
    ).toEqual([
      { fruit: 'apple', animal: 'cat', color: 'pink', shape: 'circle' },
      { fruit: 'apple', animal: 'dog', color: 'green', shape: 'circle' },
      { fruit: 'pear', animal: 'cat', color: 'pink' },
      { fruit: 'pear', animal: 'dog', color: 'green' },
      { fruit: 'banana' },
      { fruit: 'banana', animal: 'cat' },
    ]);
  });

  test('includes after it has excluded', () => {
    expect(matrix({ os: ['linux'] }, { exclude: [{ os: 'linux' }], include: [{ os: 'linux', fast: true }] })).toEqual([
      { os: 'linux', fast: true },
    ]);
  });

  test('gives the items of a fan-out, with their types', async () => {
    const job = defineJob('build')
      .map(
        'all',
        { over: matrix({ os: ['linux', 'mac'] }, { include: [{ os: 'mac', arch: 'arm' }] }) },
        ({ item: { os, arch } }) => {
          expectTypeOf(os).toEqualTypeOf<'linux' | 'mac'>();
          expectTypeOf(arch).toEqualTypeOf<'arm' | undefined>();
          return `${os} ${arch}`;
        },
      )
      .start();
    expect(await job.output('all')).toEqual(['linux undefined', 'mac arm']);
    const [item] = matrix({ os: ['linux'] }, { include: [{ arch: 'arm' }] });
    expectTypeOf(item?.os).toEqualTypeOf<'linux' | undefined>();
    // @ts-expect-error an axis is a list
    expect(() => matrix({ os: 'linux' })).toThrow(TypeError);
    // @ts-expect-error there is no such axis
    matrix({ os: ['linux'] }, { exclude: [{ arch: 'arm' }] });
  });

  test('is refused if there are too many combinations', () => {
    const list = Array.from({ length: 1_001 }, (_, at) => at);
    expect(() => matrix({ a: list, b: list })).toThrow('more than 1000000 combinations');
  });
});
