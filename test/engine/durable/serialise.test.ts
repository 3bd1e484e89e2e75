import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { decode, encode, Unserialisable } from '../../../src/engine/durable/serialise.ts';
import { JournalError, TaskError } from '../../../src/engine/errors/errors.ts';
import { ContextStore } from '../../../src/engine/model/context.ts';

/** Set FC_SEED to repeat a run. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

const roundTrip = (value: unknown): unknown => decode(encode(value));

/** What `encode` says of a value: where, and what stands there. */
const refusal = (value: unknown): string => {
  try {
    return `kept as ${encode(value)}`;
  } catch (error) {
    if (!(error instanceof Unserialisable)) throw error;
    return `${error.path || 'it'} is ${error.what}`;
  }
};

class Invoice {
  total = 3;
}

test('plain data is plain JSON', () => {
  const output = { rows: [{ id: 1, done: true }], note: null, text: 'a "$tintype" \u2028 \ud800', nothing: {} };
  expect(encode(output)).toBe(JSON.stringify(output));
  expect(roundTrip(output)).toStrictEqual(output);
});

test('what JSON has no form for is tagged', () => {
  expect(encode({ at: new Date('2026-01-02T03:04:05.678Z'), size: 12n })).toBe(
    '{"at":{"$tintype":"Date","value":"2026-01-02T03:04:05.678Z"},"size":{"$tintype":"BigInt","value":"12"}}',
  );
  expect(encode([undefined, -0])).toBe('[{"$tintype":"undefined"},{"$tintype":"-0"}]');
  expect(encode(new Uint8Array([1, 2, 255]))).toBe('{"$tintype":"Uint8Array","value":"AQL/"}');
  expect(encode(new Map([['a', new Set([1])]]))).toBe(
    '{"$tintype":"Map","value":[["a",{"$tintype":"Set","value":[1]}]]}',
  );
});

test.each([
  ['undefined', undefined],
  ['undefined in an array and under a key', { list: [undefined, 1], gone: undefined }],
  ['-0', [-0, 0]],
  ['a date', new Date(0)],
  ['a date of a far year', new Date(8.64e15)],
  ['an invalid date', new Date(Number.NaN)],
  ['bigints', [0n, -(2n ** 80n)]],
  ['bytes', new Uint8Array([0, 128, 255])],
  ['bytes that are part of a buffer', new Uint8Array([1, 2, 3, 4]).subarray(1, 3)],
  ['a map whose keys are objects', new Map<unknown, unknown>([[{ id: 1n }, new Map([[undefined, -0]])]])],
  ['a set', new Set<unknown>(['a', 1, new Date(1), undefined])],
  ['a key that tags', { $tintype: 'Date', value: 'no date' }],
  ['a key that tags, in a tagged value', new Map([['a', { $tintype: { $tintype: 1n } }]])],
  ['keys that objects inherit', { constructor: 1n, toString: 'a', hasOwnProperty: null, toJSON: new Set([1]) }],
  ['a tagged value after and before others', { a: 1, b: 2n, c: 3 }],
])('comes back as it was: %s', (_title, value) => {
  const back = roundTrip(value);
  expect(back).toStrictEqual(value);
});

test('a Buffer comes back as a plain Uint8Array', () => {
  const back = roundTrip({ file: Buffer.from('abc') }) as { file: Uint8Array };
  expect(Buffer.isBuffer(back.file)).toBe(false);
  expect(back.file).toStrictEqual(new Uint8Array([97, 98, 99]));
  expect(back.file.buffer.byteLength).toBe(3);
});

test('a hole in an array comes back as undefined', () => {
  const sparse = [1];
  sparse[2] = 3;
  expect(roundTrip(sparse)).toStrictEqual([1, undefined, 3]);
});

test('a key called __proto__ is a key like others, and sets no prototype', () => {
  for (const inner of ['{"admin":true}', '{"$tintype":"BigInt","value":"1"}']) {
    const value = decode(`{"a":{"$tintype":"undefined"},"__proto__":${inner}}`) as object;
    for (const object of [value, roundTrip(value) as object]) {
      expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
      expect(Object.keys(object)).toEqual(['a', '__proto__']);
      expect('admin' in object).toBe(false);
    }
    expect(encode(roundTrip(value))).toBe(encode(value));
  }
});

test('an object without a prototype comes back as a plain object', () => {
  const bare = Object.assign(Object.create(null), { a: 1, at: new Date(2) });
  expect(roundTrip(bare)).toStrictEqual({ a: 1, at: new Date(2) });
});

test('data of another realm is kept like ours', () => {
  const foreign = runInNewContext('({ list: [1], at: new Date(3), map: new Map([[1, 2n]]), set: new Set([1]) })');
  expect(roundTrip(foreign)).toStrictEqual({
    list: [1],
    at: new Date(3),
    map: new Map([[1, 2n]]),
    set: new Set([1]),
  });
});

test('a context that is a view of many keys is kept like a plain object', () => {
  const keys = Array.from({ length: 100 }, (_, index) => `key${index}`);
  const input = Object.fromEntries(keys.map((key) => [key, key === 'key50' ? 50n : key]));
  const store = new ContextStore(input);
  expect(roundTrip(store.at(store.version))).toStrictEqual(input);
});

test('what stands in two places is kept twice', () => {
  const shared = { at: new Date(1) };
  expect(roundTrip({ a: shared, b: [shared, shared] })).toStrictEqual({ a: shared, b: [shared, shared] });
});

test('the value that is kept is left as it was, frozen or not', () => {
  const at = Object.freeze(new Date(1));
  const value = Object.freeze({ list: Object.freeze([1n, at]), $tintype: 'mine' });
  encode(value);
  expect(value).toStrictEqual({ list: [1n, at], $tintype: 'mine' });
});

test('a TaskError comes back as one, with its causes', () => {
  const thrown = Object.assign(new TypeError('no route', { cause: new Error('down') }), { code: 'EHOSTUNREACH' });
  const first = new TaskError('TASK_FAILED', 'fetch[1] failed', {
    taskName: 'fetch[1]',
    attempt: 2,
    tolerated: true,
    cause: thrown,
  });
  const second = new TaskError('UPSTREAM_FAILED', 'skipped', { taskName: 'load', attempt: 0, cause: first });
  const [back] = roundTrip([second]) as [TaskError];
  expect(back).toBeInstanceOf(TaskError);
  expect(back).toMatchObject({ name: 'TaskError', code: 'UPSTREAM_FAILED', message: 'skipped', taskName: 'load' });
  expect(back.stack).toBe(second.stack);
  expect(back.cause).toBeInstanceOf(TaskError);
  expect(back.cause).toMatchObject({ taskName: 'fetch[1]', attempt: 2, tolerated: true, stack: first.stack });
  const root = back.rootCause() as Error & { code: string };
  expect(root).toBeInstanceOf(Error);
  expect(root).toMatchObject({ name: 'TypeError', message: 'no route', code: 'EHOSTUNREACH', stack: thrown.stack });
  expect(root.cause).toMatchObject({ name: 'Error', message: 'down' });
  expect(String(root)).toBe('TypeError: no route');
  expect(Object.keys(root)).toEqual(['code']);
});

test.each([
  ['a string', 'no disk', 'no disk'],
  ['a string within an error', new Error('busy', { cause: 'no disk' }), { message: 'busy', cause: 'no disk' }],
  ['a number', 7, { name: 'number', message: '7' }],
])('the cause of a TaskError comes back in the form that a resumed job gives it: %s', (_what, cause, expected) => {
  const error = new TaskError('TASK_FAILED', 'fetch failed', { taskName: 'fetch', attempt: 1, cause });
  const back = roundTrip(error) as TaskError;
  if (typeof expected === 'string') expect(back.cause).toBe(expected);
  else expect(back.cause).toMatchObject(expected);
});

test('a TaskError without a cause comes back without one', () => {
  const back = roundTrip(new TaskError('TASK_TIMEOUT', 'too slow', { taskName: 'a', attempt: 1 })) as TaskError;
  expect(back.code).toBe('TASK_TIMEOUT');
  expect('cause' in back).toBe(false);
});

const cycle: { list: unknown[] } = { list: [1] };
cycle.list.push({ again: cycle });
const cyclicMap = new Map<string, unknown>();
cyclicMap.set('self', cyclicMap);

test.each<[unknown, string]>([
  [() => {}, 'it is a function'],
  [{ rows: [{ done: () => {} }] }, 'rows[0].done is a function'],
  [{ mark: Symbol('x') }, 'mark is a symbol'],
  [{ [Symbol('mark')]: 1 }, '[Symbol(mark)] is a symbol key'],
  [{ a: { [Symbol('mark')]: 1 } }, 'a[Symbol(mark)] is a symbol key'],
  [[Number.NaN], '[0] is NaN'],
  [{ 'two words': Number.POSITIVE_INFINITY }, '["two words"] is Infinity'],
  [{ '': Number.NEGATIVE_INFINITY }, '[""] is -Infinity'],
  [{ invoice: new Invoice() }, 'invoice is an instance of Invoice'],
  [new (class {})(), 'it is an instance of a class without a name'],
  [{ pattern: /a/ }, 'pattern is an instance of RegExp'],
  [{ error: new RangeError('x') }, 'error is an instance of RangeError'],
  [new URL('https://example.org'), 'it is an instance of URL'],
  [new Float64Array(1), 'it is an instance of Float64Array'],
  [new Uint8ClampedArray(1), 'it is an instance of Uint8ClampedArray'],
  [new ArrayBuffer(1), 'it is an instance of ArrayBuffer'],
  [Promise.resolve(), 'it is an instance of Promise'],
  [new WeakMap(), 'it is an instance of WeakMap'],
  [new (class Rows extends Array {})(), 'it is an instance of Rows'],
  [new (class Day extends Date {})(), 'it is an instance of Day'],
  [new (class Index extends Map {})(), 'it is an instance of Index'],
  [new (class Tags extends Set {})(), 'it is an instance of Tags'],
  [new (class Bytes extends Uint8Array {})(), 'it is an instance of Bytes'],
  [Object.create(Map.prototype), 'it is an instance of Map'],
  [new Number(1), 'it is an instance of Number'],
  [cycle, 'list[1].again is a circular reference'],
  [cyclicMap, 'get("self") is a circular reference'],
  [{ index: new Map<unknown, unknown>([['a b', Number.NaN]]) }, 'index.get("a b") is NaN'],
  [{ index: new Map<unknown, unknown>([[1, Symbol()]]) }, 'index.values()[0] is a symbol'],
  [
    {
      index: new Map<unknown, unknown>([
        [1, 1],
        [Number.NaN, 1],
      ]),
    },
    'index.keys()[1] is NaN',
  ],
  [{ tags: new Set([1, Number.NaN]) }, 'tags.values()[1] is NaN'],
  [{ a: Object.defineProperty({}, 'toJSON', { value: () => 1 }) }, 'a is an object with a toJSON method'],
])('is refused, and the path says where: %#', (value, said) => {
  expect(refusal(value)).toBe(said);
});

test('a symbol key that is not enumerable is left out', () => {
  expect(roundTrip(Object.defineProperty({ a: 1 }, Symbol('hidden'), { value: 1 }))).toStrictEqual({ a: 1 });
});

test('what throws when it is read is refused with its path', () => {
  const getter = {
    at: new Date(0),
    get total() {
      throw new Error('not loaded');
    },
  };
  expect(refusal({ rows: [getter] })).toBe("rows[0].total is something that can't be read (not loaded)");
  for (const target of [{}, []]) {
    const { proxy, revoke } = Proxy.revocable(target, {});
    revoke();
    expect(refusal({ rows: [1, proxy] })).toMatch(/^rows\[1\] is something that can't be read \(.*revoked\)$/);
  }
});

test.each<[string, (inner: unknown) => unknown, number]>([
  ['objects', (inner) => ({ inner }), 1_000],
  ['arrays', (inner) => [inner], 1_000],
  ['sets', (inner) => new Set([inner]), 500],
  ['maps', (inner) => new Map([[1, inner]]), 333],
  ['objects with the tagging key', (inner) => ({ $tintype: inner }), 1_000],
])('%s nested deeply are kept, or refused, and never a crash', (_kind, wrap, levels) => {
  const nested = (count: number): unknown => {
    let value: unknown = 1n;
    for (let level = 0; level < count; level++) value = wrap(value);
    return value;
  };
  const text = encode(nested(levels));
  expect(encode(decode(text)) === text).toBe(true);
  expect(refusal(nested(levels + 1))).toMatch(/ is nested too deeply$/);
  expect(refusal(nested(100_000))).toMatch(/ is nested too deeply$/);
});

test('what stands side by side is not nested', () => {
  const rows = Array.from({ length: 2_000 }, (_, id) => ({ id, tags: new Set([id]), index: new Map([[id, [id]]]) }));
  expect(roundTrip(rows)).toStrictEqual(rows);
});

const caught = (text: string): unknown => {
  try {
    return decode(text);
  } catch (error) {
    return error;
  }
};

test('a form that is unknown says that the journal is of a newer tintype', () => {
  const error = caught('{"at":{"$tintype":"Temporal","value":"1"}}');
  expect(error).toBeInstanceOf(JournalError);
  expect(error).toMatchObject({ code: 'JOURNAL_NEWER', message: expect.stringMatching(/"Temporal".*newer tintype/) });
});

test.each([
  '{"$tintype":"Date"}',
  '{"$tintype":"Date","value":"soon"}',
  '{"$tintype":"BigInt","value":"1.5"}',
  '{"$tintype":"Uint8Array","value":1}',
  '{"$tintype":"Map","value":[[1]]}',
  '{"$tintype":"Set","value":{}}',
  '{"$tintype":"Object"}',
  '{"$tintype":"TaskError","value":null}',
])('a damaged form is reported, not guessed at: %s', (text) => {
  expect(caught(text)).toBeInstanceOf(JournalError);
  expect(caught(text)).toMatchObject({ code: 'JOURNAL_CORRUPT' });
});

test('any value of the kinds that can be kept comes back equal', () => {
  const special = fc.constantFrom('$tintype', 'value', '__proto__', 'toJSON', '0');
  // vitest takes what stands under "constructor" for the class of the object.
  const key = fc.oneof(fc.string(), special).filter((name) => name !== 'constructor');
  const { any } = fc.letrec<{ any: unknown }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 5, withCrossShrink: true },
      fc.oneof(
        fc.double({ noNaN: true, noDefaultInfinity: true }),
        fc.integer(),
        fc.constantFrom<unknown>(null, undefined, true, false, -0),
        fc.string({ unit: 'binary' }),
        fc.constantFrom('$tintype', '"$tintype"', 'Date', 'undefined', '\ud800'),
        fc.bigInt(),
        fc.date({ noInvalidDate: false }),
        fc.uint8Array(),
      ),
      fc.array(tie('any')),
      fc.dictionary(key, tie('any'), { noNullPrototype: true }),
      fc.array(fc.tuple(tie('any'), tie('any'))).map((pairs) => new Map(pairs)),
      fc.array(tie('any')).map((values) => new Set(values)),
    ),
  }));
  fc.assert(
    fc.property(any, (value) => {
      const text = encode(value);
      const back = decode(text);
      expect(back).toStrictEqual(value);
      expect(encode(back)).toBe(text);
    }),
    { numRuns: 1_000, ...seeded },
  );
});
