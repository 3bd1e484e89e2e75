import fc from 'fast-check';
import type { ApiDocument, Content, JsonSchema, Operation } from './api-document.ts';
import { type Hints, HOSTILE, HUGE, jsonOf, spoilt } from './json-of.ts';

/** A request, as plain data that a failure can show. */
export type Asked = {
  readonly method: string;
  /** With its query. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
};

/** Requests for an operation: such as its schemas allow, nearly such, and hostile ones. */
export const requestsOf = (document: ApiDocument, operation: Operation, hints: Hints): fc.Arbitrary<Asked> =>
  fc
    .tuple(
      pathOf(document, operation, hints),
      queryOf(document, operation, hints),
      bodyOf(document, operation, hints),
      HEADERS,
    )
    .map(([path, query, { type, body }, headers]) => ({
      method: operation.method,
      path: `${path}${query}`,
      headers: { ...(type !== undefined && { 'content-type': type }), ...headers },
      ...(body !== undefined && { body }),
    }));

const often = <Value>(weight: number, usual: fc.Arbitrary<Value>, ...others: fc.Arbitrary<Value>[]) =>
  fc.oneof({ weight, arbitrary: usual }, ...others.map((arbitrary) => ({ weight: 1, arbitrary })));

const HOSTILE_SEGMENTS = fc.constantFrom(
  'none',
  '%00',
  '%2F..%2F',
  '..%2f..%2fetc%2fpasswd',
  '%2e%2e',
  '%',
  '%ff%fe',
  '%ED%A0%80',
  '__proto__',
  'constructor',
  '%F0%9F%8D%95',
  'e%CC%81',
  '*',
  ':jobId',
  'a%0d%0ax-evil:1',
  '%22%3E%3Cscript%3E',
  ' ',
  ';a=b',
  'x'.repeat(5_000),
  '-1',
);

const pathOf = (document: ApiDocument, { path, parameters = [] }: Operation, hints: Hints): fc.Arbitrary<string> => {
  const names = [...path.matchAll(/\{([^}]+)\}/g)].map(([, name]) => name as string);
  const segments = names.map((name) => {
    const schema = parameters.find((one) => one.in === 'path' && one.name === name)?.schema ?? { type: 'string' };
    const usual = jsonOf(document, schema, hints, name).map((value) => encoded(String(value)));
    return often(5, usual, HOSTILE_SEGMENTS);
  });
  return fc
    .tuple(...segments)
    .map((given) => names.reduce((text, name, at) => text.replace(`{${name}}`, () => given[at] as string), path));
};

const encoded = (text: string): string => encodeURIComponent(text.replaceAll(/\p{Surrogate}/gu, '\ufffd')) || '%20';

const HOSTILE_QUERY = fc.constantFrom(
  '',
  '0',
  '-1',
  '1e9',
  '0x10',
  '1.5',
  'NaN',
  'Infinity',
  '99999999999999999999',
  '+1',
  '%20 5',
  'null',
  'true',
  '%00',
  '%ff',
  '%',
  '[]',
  '__proto__:x',
  'x'.repeat(3_000),
  'a%0d%0aset-cookie:x=1',
  '\u{1f355}',
);

const queryOf = (document: ApiDocument, { parameters = [] }: Operation, hints: Hints): fc.Arbitrary<string> => {
  const known = parameters.filter((parameter) => parameter.in === 'query');
  const one = (name: string, schema: JsonSchema): fc.Arbitrary<string> =>
    often(
      8,
      jsonOf(document, schema, hints, name).map((value) =>
        [value]
          .flat()
          .map((item) => `${name}=${encoded(String(item))}`)
          .join('&'),
      ),
      HOSTILE_QUERY.map((value) => `${name}=${value}`),
      HOSTILE_QUERY.map((value) => `${name}=${value}&${name}=${value}`),
    );
  const required = known
    .filter((parameter) => parameter.required)
    .map(({ name, schema }) => often(9, one(name, schema), fc.constant('')));
  const optional = known.filter((parameter) => !parameter.required);
  const some = fc
    .subarray(optional, { maxLength: Math.min(3, optional.length) })
    .chain((chosen) => fc.tuple(...chosen.map(({ name, schema }) => one(name, schema))));
  // Refused on every route, so that most requests have none.
  const unknown = often(
    12,
    fc.constant(''),
    fc.constantFrom('unknown=1', '__proto__=1', '&&=&', 'a[b]=1', 'constructor=x&__proto__[x]=1'),
  );
  return fc
    .tuple(fc.tuple(...required), some, unknown)
    .map((parts) =>
      parts
        .flat()
        .filter((part) => part !== '')
        .join('&'),
    )
    .map((text) => (text === '' ? '' : `?${text}`));
};

const DEEP = 100_000;

const BROKEN = fc.constantFrom(
  '',
  '{',
  'null',
  '[]',
  '"x"',
  '1e999',
  '{"a":1}x',
  '{"__proto__":{"polluted":true}}',
  '\ufeff{}',
  '{"a":1,"a":2}',
  '{"a":"\ud800"}',
  '\0',
  '['.repeat(DEEP),
  `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`,
  `${'{"a":'.repeat(DEEP / 10)}1${'}'.repeat(DEEP / 10)}`,
  '&a [*a, *a]',
  'name: x\ntasks: [{name: a, type: external}]',
  `a: &a [x]\n${Array.from({ length: 20 }, (_, at) => `a${at}: &a${at} [${`*a${at === 0 ? '' : at - 1},`.repeat(9)}]`).join('\n')}`,
);

type Body = { readonly type?: string; readonly body?: string };

const bodyOf = (document: ApiDocument, { requestBody, method }: Operation, hints: Hints): fc.Arbitrary<Body> => {
  const none: fc.Arbitrary<Body> = fc.constant({});
  if (method === 'GET') return none;
  if (!requestBody) return often(4, none, fc.constant({ type: 'application/json', body: '{"unknown":1}' }));
  const types = Object.entries(requestBody.content);
  const usual = fc.oneof(
    ...types.map(([type, given]): fc.Arbitrary<Body> => {
      if (!type.includes('json'))
        return fc.constantFrom(...(hints.yaml ?? ['']), 'x', '').map((body) => ({ type, body }));
      const valid = fc.oneof(jsonOf(document, given.schema, hints), ...examplesOf(given));
      const picks = fc.array(fc.nat(30), { minLength: 1, maxLength: 7 });
      return often(
        2,
        valid,
        fc.tuple(valid, picks, HOSTILE).map(([value, at, hostile]) => spoilt(value, at, hostile)),
      ).map((value) => ({ type, body: jsonText(value) }));
    }),
  );
  const [first = 'application/json'] = types.map(([type]) => type);
  const broken = fc
    .tuple(
      BROKEN,
      fc.constantFrom(
        first,
        `${first}; charset=utf-8`,
        first.toUpperCase(),
        'text/plain',
        'multipart/form-data',
        'application/x-www-form-urlencoded',
        ';;;',
        'application/json-patch+json',
      ),
    )
    .map(([body, type]): Body => ({ type, body }));
  return often(10, usual, broken, requestBody.required ? broken : none);
};

const examplesOf = ({ examples = {} }: Content[string]): readonly fc.Arbitrary<unknown>[] =>
  Object.values(examples).map(({ value }) => fc.constant(value));

/** JSON with the texts that stand for numbers out of range replaced by those. */
const jsonText = (value: unknown): string => JSON.stringify(value)?.replaceAll(JSON.stringify(HUGE), '1e999') ?? '';

const header = (name: string, ...values: string[]): fc.Arbitrary<Readonly<Record<string, string>>> =>
  often(
    14,
    fc.constant({}),
    fc.constantFrom(...values).map((value) => ({ [name]: value })),
  );

const HEADERS = fc
  .tuple(
    header(
      'accept',
      'text/html',
      'application/xml;q=0.9',
      '*/*',
      'application/*;q=0',
      'application/json',
      'text/event-stream',
      ',;,;=',
      '',
      'a/'.repeat(2_000),
    ),
    header('idempotency-key', 'k1', 'k2', '', 'x'.repeat(255), 'x'.repeat(256), '\u00e9\u00ff', '"quoted"'),
    header('if-match', '*', '"draft1"', '"1"', 'x', '', 'W/"1"', '"0", *', 'x'.repeat(2_001)),
    header('if-none-match', '*', '""', 'W/"x"', '"0-1", "1-1"', 'x'.repeat(2_000)),
    header('last-event-id', '0', '-1', '99999999999999999999', 'x', '', '1.5', 'NaN'),
    header('x-request-id', 'mine', 'x'.repeat(5_000)),
    header('x-http-method-override', 'DELETE'),
    header('range', 'bytes=0-1'),
    header('content-encoding', 'gzip'),
  )
  .map((parts) => Object.assign({}, ...parts) as Readonly<Record<string, string>>);
