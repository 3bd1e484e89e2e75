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

  test.for<[what: string, secret: string, spelled: string]>([
    ['a colour', 'hunter2-secret', 'hun\x1b[01;31m\x1b[Kter2\x1b[m\x1b[K-secret'],
    ['a colour of one character', 'hunter2-secret', 'hun\x9b31mter2-secret'],
    ['a colour in JSON', 'hunter2-secret', 'hun\\u001b[31mter2\\u001b[0m-secret'],
    ['a title', 'hunter2-secret', 'hunter2-\x1b]0;a title\x07secret'],
    ['a title that a colour ends', 'hunter2-secret', 'hunter2-\x1b]0;a title\x1b[msecret'],
    ['a title that a title ends', 'hunter2-secret', 'hunter2-\x9d0;a title\x9d0;another\x9csecret'],
    ['a link', 'hunter2-secret', 'hunter2-\x1b]8;;https://x.test\x1b\\secret'],
    ['control characters', 'hunter2-secret', 'h\x00un\x08ter\x7f2-secret'],
    ['a mark of direction, and one without width', 'hunter2-secret', 'hun\u202eter\u200b2-secret'],
    ['two colours and a percent', 'hunter2/secret', 'hunter2\x1b[1m%\x1b[31m2Fsecret'],
    ["Python's quote()", 'a/b*c~d', 'a/b%2Ac~d'],
    ['a URL with everything encoded', 'hunter2', '%68%75%6E%74%65%72%32'],
    ['a URL in lower case', 'a+b/c', 'a%2bb%2fc'],
    ['UTF-8 that is taken for Latin-1', 'pä€x', Buffer.from('pä€x').toString('latin1')],
    ['a form', 'a b+c', 'a+b%2Bc'],
    ["JavaScript's escape()", 'pä€x', 'p%E4%u20ACx'],
    ['JSON in ASCII', 'päß🙂"x', 'p\\u00e4\\u00DF\\ud83d\\ude42\\"x'],
    ['JSON by PHP', 'a/b"ä', 'a\\/b\\"\\u00e4'],
    ['JSON within JSON', 'a"b\\c', 'a\\\\\\"b\\\\\\\\c'],
    ['JSON within JSON within JSON', 'a"b\\c', JSON.stringify(JSON.stringify(JSON.stringify('a"b\\c'))).slice(7, -7)],
    ['JSON within a URL', 'a"b', 'a%5C%22b'],
    ['JSON within HTML', `a"b'c`, 'a\\&quot;b&#39;c'],
    ['HTML within JSON', `a"b\\c`, 'a&quot;b\\\\c'],
    ['HTML within a URL', `a"b`, 'a%26quot%3Bb'],
    ['a shell within JSON', `it's "a`, `it'\\\\''s \\"a`],
    ['CSV within JSON', `a"b\\c`, 'a\\"\\"b\\\\c'],
    ['CSV within a URL', 'a"b', 'a%22%22b'],
    ['CSV within HTML', 'a"b', 'a&quot;&quot;b'],
    ['CSV after a backslash', 'a\\"b', 'a\\""b'],
    ['SQL within a string', `it's a\\b`, `it\\'\\'s a\\\\b`],
    ['bytes in Python', 'pä€🙂', 'p\\xc3\\xa4\\xe2\\x82\\xac\\xf0\\x9f\\x99\\x82'],
    ['text in Python', "pä'🙂", "p\\xe4\\'\\U0001f642"],
    ['text in JavaScript', 'a`b\u{1f642}', 'a\\`b\\u{1f642}'],
    ['octal in bash', 'pä\x01x', 'p\\303\\244\\001x'],
    ['printf %q', 'a b$c&d', 'a\\ b\\$c\\&d'],
    ['set -x', "it's a$b\\n", "it'\\''s a$b\\n"],
    ['set -x of several lines', "a'b\\c\nd", "a\\'b\\\\c\\nd"],
    ["Python's shlex, and dash", "it's", `it'"'"'s`],
    ['SQL', "it's", "it''s"],
    ['CSV', 'say "x"', 'say ""x""'],
    ['HTML', `a<b>&"'`, 'a&lt;b&gt;&amp;&quot;&#39;'],
    ['HTML by PHP and Python', "it's", 'it&#x27;s'],
    ['base64url', 'ab>>>?~~~???zz', Buffer.from('ab>>>?~~~???zz').toString('base64url')],
    ['base64 in JSON by PHP', 'ab>>>?~~~???zz', 'YWI+Pj4/fn5+Pz8\\/eno'],
    ['base64 in a URL', 'ab>>>?~~~???zz', 'YWI%2BPj4%2Ffn5%2BPz8%2Feno'],
    ['base64 of JSON', 'secret"12', Buffer.from('secret\\"12').toString('base64').replace(/=+$/, '')],
  ])('sees %s', ([, secret, spelled]) => {
    expect(createMask([secret]).text(spelled)).toBe('***');
    expect(createMask([secret]).text(`<${spelled}> and ${spelled}.`)).toBe('<***> and ***.');
  });

  test('sees base64 in lines, wherever it is divided, one by one and together', () => {
    const secret = `ghx_${'abcdefghij0123456789'.repeat(4)}_end`;
    const mask = createMask([secret]);
    for (const width of [60, 64, 76])
      for (let before = 0; before < width; before++) {
        const encoded = Buffer.from(`${'u'.repeat(before)}${secret}\n`).toString('base64');
        const lines = encoded.match(new RegExp(`.{1,${width}}`, 'g')) ?? [];
        const apart = lines.map(mask.text).join('\n');
        const together = mask.text(lines.join('\n'));
        const inJson = JSON.parse(mask.text(JSON.stringify(lines.join('\n'))));
        const own = Buffer.from(`${'u'.repeat(before)}${secret}`)
          .toString('base64')
          .replace(/=+$/, '');
        for (const left of [apart, together, inJson])
          for (let at = Math.ceil(((before + 1) * 4) / 3); at + 9 < own.length; at++)
            expect(left.replaceAll('\n', ''), `${width} ${before}`).not.toContain(own.slice(at, at + 9));
      }
  });

  test('sees the short last line of base64', () => {
    const secret = 'abcdefghij0123456789'.repeat(3).slice(0, 59);
    const lines =
      Buffer.from(secret)
        .toString('base64')
        .match(/.{1,76}/g) ?? [];
    expect(lines).toHaveLength(2);
    expect(lines.map(createMask([secret]).text)).toEqual(['***', '***']);
  });

  test('leaves JSON whole around a secret that ends with quotes', () => {
    for (const secret of ['open/"sesame"', "it's'", 'a\\"', 'b\\', `"'c'"`, 'd e%"']) {
      const mask = createMask([secret]);
      expect(mask.text(JSON.stringify({ a: [secret], b: 1 }))).toBe('{"a":["***"],"b":1}');
      const nested = JSON.parse(mask.text(JSON.stringify({ a: JSON.stringify({ secret }) })));
      expect(JSON.parse(nested.a)).toEqual({ secret: '***' });
    }
  });

  test('leaves what is around a secret, in escapes and colours too', () => {
    const mask = createMask(['hunter2']);
    expect(mask.text('\x1b[31mred\x1b[0m \\"hun\x1b[1mter2\\" %41')).toBe('\x1b[31mred\x1b[0m \\"***\\" %41');
    const clean = 'a\\nb %41+%zz &amp; \x1b[31mred\x1b[0m \u202e \'\' "" eyJhbGciOiJIUzI1NiJ9';
    expect(mask.text(clean)).toBe(clean);
  });

  test.for<[what: string, secret: string, text: string]>([
    ['one that repeats itself', 'q'.repeat(200_000), 'q'.repeat(1_000_000)],
    ['one that almost occurs', `${'q'.repeat(200_000)}r`, 'q'.repeat(1_000_000)],
    ['one character', 'x', 'xy'.repeat(500_000)],
    ['one of base64', Buffer.alloc(100_000).toString('base64'), 'A'.repeat(1_000_000)],
    ['escapes', 'q"'.repeat(1000), 'q\\"'.repeat(300_000)],
    ['escapes without end', 'hunter2', '\x1b]'.repeat(300_000)],
    ['strings of control without end', 'hunter2', '\x90'.repeat(100_000)],
    ['spaces that end no line', 'hunter2', `\nx${' '.repeat(100_000)}x`],
  ])('takes time in proportion to a text with %s', ([, secret, text]) => {
    const mask = createMask([secret]);
    const startedAt = performance.now();
    mask.text(text);
    expect(performance.now() - startedAt).toBeLessThan(5000);
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
