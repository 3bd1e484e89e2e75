import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isTooDeep, MAX_JSON_DEPTH, parseExactJson } from '../../src/executors/exact-json.ts';

describe('JSON from outside', () => {
  test.for([
    '12345678901234567890',
    '-9007199254740993',
    '9007199254740992',
    '1e400',
    '-1E+400',
    '1e-400',
    '9007199254740993.0',
    '3.14159265358979323846',
    '12345678901234567.89',
    `0.${'3'.repeat(200)}`,
  ])('keeps %s as text, since JavaScript has no such number', (written) => {
    expect(parseExactJson(written)).toBe(written);
    expect(parseExactJson(`{"a": [1, ${written}], "b": ${written}\n}`)).toEqual({ a: [1, written], b: written });
  });

  test.for([
    '0',
    '-1',
    '9007199254740991',
    '0.1',
    '0.10000000000000001',
    '1e23',
    '1.50',
    '0.000e5',
    '2.5E-3',
    '827549346578137.2',
    '1e308',
  ])('has the number %s', (written) => {
    expect(parseExactJson(`[${written}]`)).toEqual([Number(written)]);
  });

  test('keeps texts and keys, whatever they hold', () => {
    const text = '{"12345678901234567890": "a \\" 12345678901234567890 \\\\", "x": "\\\\", "y": 12345678901234567890}';
    expect(parseExactJson(text)).toEqual({ ...JSON.parse(text), y: '12345678901234567890' });
  });

  test('is what JSON.parse gives, where all numbers come from JavaScript and are safe', () => {
    const value = fc.jsonValue().filter((one) => !/[\d]{17}/.test(JSON.stringify(one)));
    fc.assert(
      fc.property(value, (one) => {
        const text = JSON.stringify(one);
        expect(parseExactJson(text)).toEqual(JSON.parse(text));
      }),
    );
  });

  test.for(['', '{', '[1e]', '01', '[12345678901234567890', '1234567890123456.'])('refuses %s', (text) => {
    expect(() => parseExactJson(text)).toThrow(SyntaxError);
  });

  test(`is too deep from ${MAX_JSON_DEPTH + 1} levels on, brackets in texts apart`, () => {
    const nested = (depth: number): string =>
      `${'[{"a":'.repeat(depth / 2)}"${'['.repeat(1_000)}\\"["${'}]'.repeat(depth / 2)}`;
    expect(isTooDeep(nested(MAX_JSON_DEPTH))).toBe(false);
    expect(isTooDeep(nested(MAX_JSON_DEPTH + 2))).toBe(true);
    expect(isTooDeep('['.repeat(8 * 2 ** 20))).toBe(true);
  });
});
