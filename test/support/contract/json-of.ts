import fc from 'fast-check';
import { type ApiDocument, type JsonSchema, resolved } from './api-document.ts';

/** Values by the name of the property or parameter that they are good for: ids and names that the server knows. */
export type Hints = Readonly<Record<string, readonly string[]>>;

/** JSON that a schema allows. */
export const jsonOf = (
  document: ApiDocument,
  given: JsonSchema,
  hints: Hints,
  name = '',
  depth = 0,
): fc.Arbitrary<unknown> => {
  const schema = resolved(document, given);
  const inner = (part: JsonSchema, at = name) => jsonOf(document, part, hints, at, depth + 1);
  const known = hints[name];
  const options = schema.anyOf ?? schema.oneOf;
  if (options) return fc.oneof(...options.map((option) => inner(option)));
  if (schema.enum) return fc.constantFrom(...schema.enum);
  if ('const' in schema) return fc.constant(schema.const);
  const types = schema.type === undefined ? [] : [schema.type].flat();
  if (types.length > 1) return fc.oneof(...types.map((type) => inner({ ...schema, type })));
  switch (types[0]) {
    case 'string': {
      const any = textOf(schema);
      return known ? fc.oneof({ weight: 3, arbitrary: fc.constantFrom(...known) }, { weight: 1, arbitrary: any }) : any;
    }
    case 'integer':
      return fc.integer(rangeOf(schema));
    case 'number':
      return fc.oneof(fc.integer(rangeOf(schema)), fc.double({ ...rangeOf(schema), noNaN: true }));
    case 'boolean':
      return fc.boolean();
    case 'null':
      return fc.constant(null);
    case 'array': {
      const minLength = schema.minItems ?? 0;
      const maxLength = Math.max(minLength, Math.min(schema.maxItems ?? 3, depth > 4 ? 1 : 3));
      return fc.array(inner(schema.items ?? {}), { minLength, maxLength });
    }
    case 'object':
      return objectOf(schema, inner);
    default:
      return fc.oneof({ weight: 4, arbitrary: fc.jsonValue({ maxDepth: 3 }) }, { weight: 1, arbitrary: HOSTILE });
  }
};

const objectOf = (
  { properties = {}, required = [], additionalProperties, propertyNames }: JsonSchema,
  inner: (part: JsonSchema, name?: string) => fc.Arbitrary<unknown>,
): fc.Arbitrary<unknown> => {
  const parts = Object.fromEntries(Object.entries(properties).map(([key, part]) => [key, inner(part, key)]));
  const named = fc.record(parts, { requiredKeys: [...required] });
  if (typeof additionalProperties !== 'object') return named;
  const keys = fc.oneof(
    propertyNames ? textOf(propertyNames) : fc.string({ minLength: 1, maxLength: 20 }),
    HOSTILE_KEY,
  );
  return fc
    .tuple(named, fc.array(fc.tuple(keys, inner(additionalProperties)), { maxLength: 3 }))
    .map(([object, entries]) => entries.reduce((all, [key, value]) => withKey(all, key, value), object as object));
};

const textOf = ({ pattern, minLength = 0, maxLength = 200 }: JsonSchema): fc.Arbitrary<string> =>
  pattern === undefined
    ? fc.string({ minLength, maxLength: Math.min(maxLength, minLength + 30), unit: 'grapheme' })
    : fc.stringMatching(new RegExp(pattern)).filter((text) => text.length >= minLength && text.length <= maxLength);

const rangeOf = ({ minimum, maximum, exclusiveMinimum, exclusiveMaximum }: JsonSchema) => ({
  min: exclusiveMinimum === undefined ? Math.max(minimum ?? -(2 ** 31), -(2 ** 31)) : exclusiveMinimum + 1,
  max: exclusiveMaximum === undefined ? Math.min(maximum ?? 2 ** 31 - 1, 2 ** 31 - 1) : exclusiveMaximum - 1,
});

/** Sets an own property, `__proto__` too. */
export const withKey = (object: object, key: string, value: unknown): object =>
  Object.defineProperty({ ...object }, key, { value, enumerable: true, configurable: true, writable: true });

const HOSTILE_KEY = fc.constantFrom(
  '__proto__',
  'constructor',
  'prototype',
  'toString',
  'hasOwnProperty',
  '\0',
  'then',
  'é',
  '\ud800',
);

/** A text that stands for a number too large for JavaScript, for JSON knows no such number. */
export const HUGE = '@@1e999@@';

const nested = (depth: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < depth; level++) value = level % 2 ? [value] : { a: value };
  return value;
};

const HOSTILE_VALUES: readonly unknown[] = [
  null,
  true,
  0,
  -0,
  -1,
  0.5,
  1e308,
  2 ** 53,
  -(2 ** 63),
  HUGE,
  '',
  ' ',
  '\0',
  'a\nb\r\nx-evil: 1',
  '\ud800',
  'e\u0301',
  '\u202e\ufeff',
  'x'.repeat(20_000),
  '__proto__',
  'constructor',
  '../../etc/passwd',
  '{{7*7}}',
  "'; DROP TABLE job; --",
  '<script>alert(1)</script>',
  [],
  {},
  nested(200),
  nested(3_000),
  JSON.parse('{"__proto__":{"polluted":true}}'),
  { constructor: { prototype: { polluted: true } } },
  { toJSON: 1, then: 2, length: 1e9 },
  Array.from({ length: 2_000 }, (_, index) => index),
];

/** JSON that no schema has thought of. */
export const HOSTILE: fc.Arbitrary<unknown> = fc.constantFrom(...HOSTILE_VALUES);

/** Changes one place of a JSON value; `picks` say which. */
export const spoilt = (value: unknown, picks: readonly number[], hostile: unknown): unknown => {
  const [pick = 0, ...rest] = picks;
  if (typeof value !== 'object' || value === null || rest.length === 0) return hostile;
  const keys = Object.keys(value);
  const at = pick % (keys.length + 3);
  const key = keys[at];
  if (key === undefined) {
    if (Array.isArray(value)) return at === keys.length ? [...value, hostile] : hostile;
    if (at === keys.length) return withKey(value, '__proto__', hostile);
    if (at === keys.length + 1) return withKey(value, 'unknown', hostile);
    return Object.fromEntries(Object.entries(value).slice(1));
  }
  const changed = spoilt((value as Record<string, unknown>)[key], rest, hostile);
  if (Array.isArray(value)) return value.with(at, changed);
  return withKey(value, key, changed);
};
