import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createMask } from '../../../src/executors/mask/mask.ts';

describe('a mask', () => {
  test.for<[what: string, secrets: string[], text: string, masked: string]>([
    ['regular expressions', ['a.c', '[x]', '$&'], 'abc a.c x [x] $& $', 'abc *** x *** *** $'],
    ['a secret within another', ['abc', 'abcd'], 'abcd abc ab', '*** *** ab'],
    ['secrets that overlap', ['abcX', 'Xdef'], '(abcXdef)', '(***)'],
    ['secrets that overlap the other way', ['abc', 'bcd'], '(abcd)', '(***)'],
    ['secrets side by side', ['abc', 'def'], 'abcdef abc', '*** ***'],
    ['a short secret', ['x'], 'axb', 'a***b'],
    ['an empty secret', [''], 'axb', 'axb'],
    ['spaces around', ['  padded \n'], '<padded>', '<***>'],
    ['JSON', ['a"b\\c\n'], JSON.stringify({ v: 'a"b\\c\n' }), '{"v":"***"}'],
    ['URLs', ['a b&c/d+'], `?q=${encodeURIComponent('a b&c/d+')}`, '?q=***'],
    ['forms', ['a b&c/d+'], `${new URLSearchParams({ q: 'a b&c/d+' })}`, 'q=***'],
    ['base64', ['secret-12'], `Bearer ${Buffer.from('secret-12').toString('base64')}`, 'Bearer ***'],
    ['unicode', ['pässwörd🙂'], 'x pässwörd🙂 y', 'x *** y'],
    ['what a mask leaves', ['***'], 'a *** b', 'a *** b'],
  ])('sees %s', ([, secrets, text, masked]) => {
    expect(createMask(secrets).text(text)).toBe(masked);
  });

  test('sees the base64 of HTTP basic authentication, whatever the name', () => {
    const mask = createMask(['secret-12345']);
    for (const name of ['u', 'us', 'use', 'user', '']) {
      const basic = Buffer.from(`${name}:secret-12345`).toString('base64');
      const masked = mask.text(`Authorization: Basic ${basic}`);
      expect(masked).toMatch(/^Authorization: Basic \w*\*\*\*\w*=*$/);
      const left = masked.slice('Authorization: Basic '.length);
      expect(Buffer.from(left.split('***').join(''), 'base64').toString()).not.toMatch(/secr|1234/);
    }
  });

  test('leaves no secret in any text', () => {
    const letters = fc.string({ unit: fc.constantFrom('a', 'b', '.', '\n', '"'), minLength: 1, maxLength: 4 });
    fc.assert(
      fc.property(
        fc.array(letters, { minLength: 1, maxLength: 4 }),
        fc.array(letters, { maxLength: 8 }),
        (secrets, text) => {
          const masked = createMask(secrets).text(text.join(''));
          for (const secret of secrets) expect(masked).not.toContain(secret);
        },
      ),
      { numRuns: 500 },
    );
  });

  test.for([
    ['one of 200 KB', ['q'.repeat(200_000)], 'q'.repeat(200_000)],
    [
      'one of 5,000 lines',
      [Array.from({ length: 5000 }, (_, at) => `line of a secret ${at}`).join('\n')],
      'line of a secret 4321',
    ],
    ['1,000 of them', Array.from({ length: 1000 }, (_, at) => `secret-value-${at}-`), 'secret-value-567-'],
  ] as const)('may be large: %s', ([, secrets, held]) => {
    const mask = createMask(secrets);
    const text = `${'x'.repeat(100_000)}<${held}>${'q'.repeat(1000)}`;
    expect(mask.text(text)).toBe(`${'x'.repeat(100_000)}<***>${'q'.repeat(1000)}`);
  });

  test('replaces keys and values of data, and leaves what holds none as it is', () => {
    const mask = createMask(['hunter2']);
    const clean = { a: [1, { b: 'x' }], c: null };
    expect(mask.data(clean)).toBe(clean);
    expect(mask.data({ hunter2: 1, rows: [{ v: 'my hunter2' }], n: 5 })).toEqual({
      '***': 1,
      rows: [{ v: 'my ***' }],
      n: 5,
    });
    const odd = mask.data(JSON.parse('{"__proto__": "hunter2", "constructor": "hunter2"}'));
    expect(JSON.stringify(odd)).toBe('{"__proto__":"***","constructor":"***"}');
  });

  test('leaves numbers that merely hold a short secret', () => {
    const mask = createMask(['1', '739184']);
    expect(mask.data({ n: 10, m: 7391842, pin: 739184 })).toEqual({ n: 10, m: 7391842, pin: '***' });
  });

  test('ends with data that is a circle', () => {
    const circle: Record<string, unknown> = { v: 'hunter2' };
    circle.self = circle;
    expect((createMask(['hunter2']).data(circle) as { v: string }).v).toBe('***');
  });
});
