// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import * as fc from 'fast-check';
import { beforeAll, describe, expect, test } from 'vitest';
import { compile, compilingOnce, ExpressionError, RETRY_VARIABLES } from '../../src/workflow/expression.ts';
import { loadLinearMatches } from '../../src/workflow/linear-matches.ts';
import { parseTemplate, renderText, renderValue } from '../../src/workflow/template.ts';
import { failureOf, problemsOf, runWorkflow } from '../support/run-workflow.ts';

beforeAll(() => loadLinearMatches('matches'));

const ctx = {
  n: 3,
  half: 0.5,
  text: 'a,b',
  no: false,
  nothing: null,
  list: [1, 2, 3],
  rows: [
    { id: 1, ok: true },
    { id: 2, ok: false },
  ],
  deep: { key: 'value', 'odd key': 7 },
};

describe('an expression', () => {
  test.for<[source: string, value: unknown]>([
    // Numbers of the context and of the expression are the same.
    ['ctx.n + 1', 4],
    ['1 + ctx.n', 4],
    ['2 * ctx.n == 6', true],
    ['ctx.n * 2 == 6', true],
    ['size(ctx.list) + ctx.n == 6', true],
    ['ctx.n - size(ctx.list) == 0', true],
    ['ctx.n / 2', 1.5],
    ['ctx.n % 2 == 1', true],
    ['7 % ctx.n', 1],
    ['ctx.half + 1', 1.5],
    ['1 == 1.0', true],
    ['1 + 1.5', 2.5],
    ['-ctx.n == -3', true],
    ['ctx.n > 2 && ctx.n < 3.5', true],
    ['ctx.n in [1, 2, 3]', true],
    ['ctx.list == [1, 2, 3]', true],
    ['ctx.list[ctx.n - 1]', 3],
    ['ctx.list[size(ctx.list) - 1]', 3],
    ['int("12") + 1', 13],
    ['9007199254740993', '9007199254740993'],
    // Text.
    ['ctx.text + "!"', 'a,b!'],
    ['ctx.text.split(",")', ['a', 'b']],
    ['ctx.text.contains("b") && ctx.text.startsWith("a")', true],
    ['string(ctx.n) + "x"', '3x'],
    ['"}}"', '}}'],
    ["'it\\'s'", "it's"],
    // Lists and mappings.
    ['ctx.rows.filter(r, r.ok).map(r, r.id)', [1]],
    ['ctx.rows.filter(item, item.ok).size()', 1],
    ['ctx.list.exists(x, x * 2 == 4)', true],
    ['ctx.list.all(x, x > 0)', true],
    ['ctx.list + [4]', [1, 2, 3, 4]],
    ['{"n": ctx.n, "of": [ctx.text]}', { n: 3, of: ['a,b'] }],
    ['ctx.deep["odd key"]', 7],
    // What may be missing.
    ['has(ctx.gone)', false],
    ['has(ctx.gone) && ctx.gone > 1', false],
    ['ctx.?gone.orValue("else")', 'else'],
    ['ctx.?gone', null],
    ['ctx.?n', 3],
    ['ctx.nothing == null', true],
    ['ctx.no ? "yes" : "no"', 'no'],
    // Kinds that JSON does not have become text.
    ['timestamp("2024-02-29T00:00:00Z")', '2024-02-29T00:00:00.000Z'],
    ['b"abc"', 'YWJj'],
  ])('%s', ([source, value]) => {
    expect(compile(source).evaluate({ ctx })).toEqual(value);
  });

  test.for([
    ['ctx.gone', 'ctx.gone has no value: there is no key "gone". To allow that: has(…), or .?gone.orValue(…).'],
    ['ctx.deep.gone', 'there is no key "gone"'],
    ['ctx.list[5]', 'ctx.list[5] has no value: index out of bounds, index 5 >= size 3.'],
    ['ctx.list.length', 'there is no key "length"'],
    ['ctx.constructor', 'there is no key "constructor"'],
    ['ctx.__proto__', 'there is no key "__proto__"'],
    ['ctx.text + 1', 'no such overload: string + int'],
    ['ctx.n + "!"', 'no such overload: double + string'],
    ['1 / 0', 'division by zero'],
    ['ctx.n / 0', 'Infinity is no number that JSON has'],
    ['[ctx.n / 0]', 'Infinity is no number that JSON has'],
    ['int(ctx.text)', 'int(ctx.text) has no value:'],
    ['ctx.text ? 1 : 2', 'Ternary condition must be bool'],
  ] as const)('%s has no value, and says why', ([source, message]) => {
    const expression = compile(source);
    expect(() => expression.evaluate({ ctx })).toThrow(message);
  });

  test.for([
    [
      'rows > 1',
      'there is no variable "rows". Known are ctx, params, secrets, env, item, index, job, task, tasks, now.',
    ],
    ['cxt.rows', 'there is no variable "cxt". Did you mean "ctx"?'],
    ['ctx.rows >', 'it ends too early: ctx.rows >'],
    ['ctx.rows = 1', '"=" is no operator. To compare, write "==".'],
    ['ctx.rows +* 1', '"*" is not expected there.'],
    ['size(ctx.rows', 'it ends too early, ")" is missing: size(ctx.rows'],
    ['ctx.rows.', 'it ends too early, a name is missing: ctx.rows.'],
    ['ctx.a ? 1 2', '"2" is not expected there, but ":".'],
    ['ctx.day == “Monday”', '“ is no quote of text. Write " or \'.'],
    ['ctx.day == None', 'there is no "None". Write null.'],
    ['ctx.late == True', 'there is no "True". Write true.'],
    ['process.exit()', 'there is no variable "process".'],
    ['ctx.my-key', 'there is no variable "key".'],
    ['len(ctx.rows) > 1', 'there is no function "len". Write size(…), or ….size().'],
    ['ctx.rows.length() > 1', 'there is no function "length". Write size(…), or ….size().'],
    ['ctx.a and ctx.b', '"and" is no operator. Write "&&".'],
    ['ctx.a or ctx.b', 'Write "||".'],
    ['not ctx.a', '"not" is no operator. Write "!".'],
    ['now()', "found no matching overload for 'now()'"],
    [`${'('.repeat(1000)}1${')'.repeat(1000)}`, 'maxDepth'],
    [`1${'+1'.repeat(10_000)}`, 'it has more than 500 operators'],
  ] as const)('%s can not be read, and says why', ([source, message]) => {
    expect(() => compile(source)).toThrow(message);
  });

  test('reads data whatever its keys are', () => {
    const odd = { constructor: 1, toString: 2, __proto__x: 3, rows: [{ constructor: 'x', id: 4 }], 'ß🙂': 5 };
    expect(compile('ctx.constructor + ctx.toString').evaluate({ ctx: odd })).toBe(3);
    expect(compile('ctx.rows[0].constructor').evaluate({ ctx: odd })).toBe('x');
    expect(compile('ctx.rows.filter(r, r.id == 4)').evaluate({ ctx: odd })).toEqual([{ constructor: 'x', id: 4 }]);
    expect(compile('ctx["ß🙂"]').evaluate({ ctx: odd })).toBe(5);
    expect(compile('ctx').evaluate({ ctx: odd })).toEqual(odd);
  });

  test('of any JSON value is that value', () => {
    fc.assert(
      fc.property(fc.jsonValue(), (value) => {
        const json = JSON.parse(JSON.stringify(value));
        expect(compile('ctx.value').evaluate({ ctx: { value: json } })).toEqual(json);
      }),
      { numRuns: 300 },
    );
  });

  test.for([
    ['${{ "}}" }}!', '}}!'],
    ["${{ '''}}'\\'}}''' }}!", "}}''}}!"],
    ['${{ {"a": {"b": 1}}["a"]["b"] }}!', '1!'],
    ['${{ {"a": {"b": 1}}}}!', '{"a":{"b":1}}!'],
    ['${{ "\\"}}" + r"}}" }}!', '"}}}}!'],
    ["${{ 1 // don't }}!", '1!'],
    ['${{ { // }}\n"a": 1 } }}!', '{"a":1}!'],
  ] as const)('ends at the first }} that is not part of it: %s', ([text, value]) => {
    expect(renderText(parseTemplate(text), {})).toBe(value);
  });

  test('json() keeps the digits of the numbers', () => {
    const { evaluate } = compile('bytes(params.text).json()');
    const parsed = { id: '9007199254740993', list: [1, 1.5, '1e400'] };
    expect(evaluate({ params: { text: '{"id": 9007199254740993, "list": [1, 1.5, 1e400]}' } })).toEqual(parsed);
    expect(compile('bytes("[9007199254740993, 2]").json()[1]').evaluate({})).toBe(2);
    expect(() => evaluate({ params: { text: '{' } })).toThrow('bytes(params.text).json() has no value: ');
    expect(() => compile('[1].json()')).toThrow("'list.json()'");
  });

  test('matches by RE2, in a time in proportion to the text', () => {
    const text = `${'a'.repeat(100_000)}!`;
    expect(compile('params.s.matches("^(a+)+$")').evaluate({ params: { s: text } })).toBe(false);
    expect(compile('params.s.matches(params.p)').evaluate({ params: { s: text, p: '(a|aa)+!$' } })).toBe(true);
    expect(compile('"a\\nb".matches("^b") || !"Ünï 1".matches("^\\\\pL+ [[:digit:]]$")').evaluate({})).toBe(false);
  });

  test.for([
    '"x".matches("(")',
    '"x".matches("(?=a)")',
    '"aa".matches(r"(a)\\1")',
    '[1].exists(x, "x".matches("["))',
  ])('%s has a pattern that RE2 does not have, which validation tells', async (source) => {
    const problems = await problemsOf(`tasks: [{ name: a, type: bash, command: x, when: '${source}' }]`);
    expect(problems).toEqual([expect.stringMatching(/INVALID_EXPRESSION.*is no regular expression of RE2/)]);
  });

  test('fails with a pattern from data that is none', () => {
    const { evaluate } = compile('ctx.text.matches(ctx.p)');
    expect(() => evaluate({ ctx: { ...ctx, p: '(' } })).toThrow('"(" is no regular expression of RE2');
    expect(() => evaluate({ ctx: { ...ctx, p: 1 } })).toThrow("no matching overload for 'string.matches(double)'");
  });

  const doubled = (of: string, times = 60): string =>
    `${Array.from({ length: times }, (_, at) => `cel.bind(v${at + 1}, v${at} + v${at}, `)
      .join('')
      .replaceAll('v0', of)}v${times}${')'.repeat(times)}`;
  test.for<[what: string, source: string]>([
    ['nested macros', 'ctx.many.map(a, ctx.many.map(b, ctx.many.map(c, a + b + c)))'],
    [
      'macros that pass over errors',
      'ctx.many.exists(a, ctx.many.exists(b, ctx.many.all(c, a + b + c >= 0 && false || true)) && false)',
    ],
    [
      'an alternative to what took too long',
      'ctx.many.exists(a, ctx.many.exists(b, ctx.many.exists(c, c < 0))) || true',
    ],
    ['comparisons of large values', 'ctx.many.exists(a, ctx.many.exists(b, ctx.many != ctx.others))'],
    ['searches in a long text', 'ctx.many.exists(a, ctx.many.exists(b, ctx.long.contains("b")))'],
    ['matches in a long text', 'ctx.many.exists(a, ctx.long.matches("b(x{0,200})c"))'],
    ['texts that double', `size(${doubled('"x"')})`],
    ['lists that double', `size(${doubled('[1]')})`],
    ['hours in time zones', 'ctx.many.all(a, ctx.many.all(b, [timestamp(0)].all(c, c.getHours("Asia/Tokyo") >= 0)))'],
    [
      'patterns put together',
      'ctx.many.all(a, ctx.many.all(b, "b".matches("(a{1000})(a{1000})(a{1000})" + string(a) + "_" + string(b)) || true))',
    ],
    ['a pattern that is none for RE2 to match by a table', 'ctx.many.all(a, !ctx.as.matches("(a?){500}a{500}[bc]"))'],
    ['errors that are passed over', 'ctx.many.all(a, ctx.many.all(b, int("x") == 1 || true))'],
    ['keys that are not there', 'ctx.many.all(a, ctx.many.all(b, ctx.many[?9999].orValue(1) == 1))'],
    ['the keys of a large mapping', 'ctx.many.all(a, ctx.mapping.size() > 0 && ctx.mapping.exists(key, true))'],
    ['the parts of a text', 'ctx.many.map(a, ctx.long.split(""))'],
    ['the bytes of a text', 'ctx.many.map(a, bytes(ctx.long))'],
    ['JSON', 'ctx.many.map(a, bytes(ctx.json).json())'],
    ['a text that doubles, then its parts', `${doubled('","', 24)}.split(",").size()`],
    ['a large value many times', 'ctx.many.map(a, ctx.many).map(a, ctx.many.map(b, ctx.others))'],
  ])('fails after 10 million steps: %s', ([, source]) => {
    const many = Array.from({ length: 3_000 }, (_, at) => at);
    const mapping = Object.fromEntries(Array.from({ length: 200_000 }, (_, at) => [`key ${at}`, at]));
    const texts = { long: 'a'.repeat(1_000_000), as: 'a'.repeat(1_000), json: JSON.stringify(many) };
    const scope = { ctx: { many, others: [...many], mapping, ...texts } };
    const started = process.cpuUsage();
    expect(() => compile(source).evaluate(scope)).toThrow(
      expect.objectContaining({
        code: 'EXPRESSION_FAILED',
        message: expect.stringContaining('more than 10000000 steps'),
      }),
    );
    // About 2 s each; a busy machine may take longer.
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(10);
  });

  test('takes what data of a usual size needs', () => {
    const many = Array.from({ length: 3_000 }, (_, at) => at);
    expect(compile('ctx.many.filter(a, a in ctx.many).size() == 3000').evaluate({ ctx: { many } })).toBe(true);
    expect(compile('ctx.many.map(a, ctx.many[2999 - int(a)]).size()').evaluate({ ctx: { many } })).toBe(3_000);
    const rows = many.map((id) => ({ id, at: '2026-01-02T03:04:05Z', text: `error ${id}` }));
    const found =
      'ctx.rows.filter(r, timestamp(r.at).getHours("Asia/Tokyo") == 12 && r.text.matches("[0-9]{4}$")).size()';
    expect(compile(found).evaluate({ ctx: { rows } })).toBe(2_000);
    const log = `${'line '.repeat(200_000)}ERROR: late`;
    expect(compile('ctx.log.matches("(?i)error|fatal")').evaluate({ ctx: { log } })).toBe(true);
    expect(compile('ctx.log.split(" ").size()').evaluate({ ctx: { log } })).toBe(200_002);
  });

  test.for([
    ['negations', `${'!'.repeat(3_000)}true`],
    ['a chain of alternatives', Array(1_000).fill('ctx.a == 1').join(' || ')],
    ['a long sum', Array(30_000).fill('1').join(' + ')],
  ] as const)('has at most 500 operators within each other: %s', ([, source]) => {
    expect(() => compile(source)).toThrow('more than 500 operators within each other, or in a chain. Use a list');
    expect(compile(Array(490).fill('ctx.a == 1').join(' || ')).evaluate({ ctx: { a: 2 } })).toBe(false);
  });

  test('says that a value is nested too deeply', () => {
    let deep: unknown = [];
    for (let level = 0; level < 20_000; level++) deep = [deep];
    expect(() => compile('ctx.deep').evaluate({ ctx: { deep } })).toThrow(
      'has no value: a value is nested too deeply.',
    );
  });

  test('reads no duration of a text that is none at all, however long', () => {
    expect(() => compile('duration(ctx.s)').evaluate({ ctx: { s: '1'.repeat(5_000) } })).toThrow('Invalid duration');
    expect(compile('duration("1h30m").getMinutes()').evaluate({})).toBe(90);
  });

  test('does not read the name of a variable that holds a key', () => {
    const { reads } = compile('params[item] + params[ctx.key] + params[?item].orValue(params["a"])');
    expect(reads('params').map(({ key }) => key)).toEqual(['a']);
  });

  test('says which names it reads', () => {
    const { reads } = compile('params.a + params["b"] + (has(params.c) ? params.?d.orValue(1) : ctx.params.e)');
    expect(new Set(reads('params').map(({ key }) => key))).toEqual(new Set(['a', 'b', 'c', 'd']));
  });
});

describe('text with expressions', () => {
  test.for<[text: string, rendered: string]>([
    ['no expression', 'no expression'],
    ['${{ ctx.n }}', '3'],
    ['${{ctx.n}}', '3'],
    ['<${{ ctx.n }}|${{ ctx.text }}|${{ ctx.half }}>', '<3|a,b|0.5>'],
    ['${{ ctx.nothing }}', ''],
    ['${{ ctx.no }}', 'false'],
    ['${{ ctx.list }}', '[1,2,3]'],
    ['${{ ctx.deep }}', '{"key":"value","odd key":7}'],
    ['${{ "}}" }}', '}}'],
    ['x${{ "a" + "}}" + "${{" }}y', 'xa}}${{y'],
    ['${{ {"a": {"b": 1}}.a.b }}', '1'],
    ['${{ {"a": {"b": ctx.n}} }}', '{"a":{"b":3}}'],
    ['}} ${{ 1 }} }}', '}} 1 }}'],
    ['$${{ 1 }}', '${{ 1 }}'],
    ['a $${{ x }} ${{ ctx.n }} $${{', 'a ${{ x }} 3 ${{'],
    ['$${{ ${{ "$${{" }}', '${{ $${{'],
    ['$ { { 1 } } ${ctx.n} {{ 1 }}', '$ { { 1 } } ${ctx.n} {{ 1 }}'],
    ['${{ ctx\n  .n }}', '3'],
    ['${{ ctx.n // three\n }}', '3'],
  ])('%s', ([text, rendered]) => {
    expect(renderText(parseTemplate(text), { ctx })).toBe(rendered);
  });

  test('that is one expression is its value, where data is allowed', () => {
    expect(renderValue(parseTemplate('${{ ctx.list }}'), { ctx })).toEqual([1, 2, 3]);
    expect(renderValue(parseTemplate('${{ ctx.nothing }}'), { ctx })).toBe(null);
    expect(renderValue(parseTemplate(' ${{ ctx.list }}'), { ctx })).toBe(' [1,2,3]');
  });

  test.for([
    ['${{', 'never closed'],
    ['${{ ctx.n', 'never closed'],
    ['${{ ctx.n }', 'never closed'],
    ['${{ }}', 'ends too early'],
    ['${{ foo }} ${{ ctx.n }}', 'there is no variable "foo"'],
    ['${{ "a }}', 'Unterminated string'],
  ] as const)('%s can not be read', ([text, message]) => {
    expect(() => parseTemplate(text)).toThrow(message);
  });

  test('may hold a literal ${{, in commands and data, too', async () => {
    const { result } = await runWorkflow(`
tasks:
  - name: say
    type: bash
    command: |
      echo 'runs-on: $\${{ matrix.os }}'
    output: text
  - name: pass
    type: bash
    env: { TEXT: "$\${{ a }}" }
    command: echo "$TEXT"
    output: text
`);
    expect(result.ctx).toMatchObject({ say: 'runs-on: ${{ matrix.os }}', pass: '${{ a }}' });
  });

  test('never reads what a value holds as an expression again', () => {
    fc.assert(
      fc.property(fc.string(), fc.string(), (before, value) => {
        const plain = before.replaceAll(/\$+\{\{/g, '').replace(/\$$/, '');
        const text = `${plain} \${{ ctx.value }}`;
        expect(renderText(parseTemplate(text), { ctx: { value: `${value}\${{ secrets.T }}` } })).toBe(
          `${plain} ${value}\${{ secrets.T }}`,
        );
      }),
    );
  });

  test('of thousands of brackets is read in no time', () => {
    const text = `\${{ "${'}}'.repeat(1000)}" }}`;
    expect(renderText(parseTemplate(text), {})).toBe('}}'.repeat(1000));
  });
});

describe('data of a job', () => {
  const ATTACK = `'; touch hacked; echo "$(touch hacked)" \`touch hacked\` \n touch hacked #`;

  test('stays data, wherever it is allowed', async () => {
    const { result, folder } = await runWorkflow(
      `
params: { evil: { type: string } }
tasks:
  - name: bash
    type: bash
    env: { EVIL: "\${{ params.evil }}", JSON: "\${{ {'evil': params.evil} }}" }
    args: ["\${{ params.evil }}", "\${{ [params.evil] }}"]
    command: printf '%s' "$EVIL" | cmp - <(printf '%s' "$1"); echo "$JSON"
    output: json
  - { name: python, type: python, args: ["\${{ params.evil }}"], command: "import sys, json; print(json.dumps([sys.argv[1]]))", output: json }
  - { name: node, type: node, command: 'output([params.evil])' }
  - { name: each, type: bash, map: { over: ["\${{ params.evil }}"] }, command: 'echo "$TINTYPE_ITEM"', output: json }
  - { name: child, type: job, file: child.yaml, params: { evil: "\${{ params.evil }}" } }
`,
      {
        params: { evil: ATTACK },
        files: {
          'child.yaml':
            'name: c\nparams: { evil: { type: string } }\ntasks: [{ name: say, type: bash, env: { E: "${{ params.evil }}" }, command: printf %s "$E", output: text }]',
        },
      },
    );
    expect(result.state).toBe('completed');
    expect(result.ctx).toMatchObject({
      evil: ATTACK,
      python: [ATTACK],
      node: [ATTACK],
      each: [ATTACK],
      child: { say: ATTACK },
    });
    expect(existsSync(join(folder, 'hacked'))).toBe(false);
  });

  test('with expressions in it is not evaluated', async () => {
    const { result } = await runWorkflow(
      'secrets: [T]\nparams: { p: { type: string } }\ntasks: [{ name: a, type: bash, env: { V: "${{ params.p }}" }, command: echo "$V", output: text }]',
      { params: { p: '${{ secrets.T }} ${{ 1 + 1 }}' }, env: { T: 'hidden' } },
    );
    expect(result.ctx.a).toBe('${{ secrets.T }} ${{ 1 + 1 }}');
  });

  test.for([
    ['{ name: a, type: bash, command: "echo ${{ ctx.name }}" }', 'NAME: ${{ ctx.name }}\n    command: echo "$NAME"'],
    ['{ name: a, type: python, command: "print(${{ ctx.name }})" }', 'import os; print(os.environ["NAME"])'],
    ['{ name: a, type: node, command: "output(${{ ctx.name }})" }', 'console.log(process.env.NAME)'],
    ['{ name: a, type: bash, command: "echo ${{ ctx.rows[0] }}" }', 'ROWS: ${{ ctx.rows[0] }}'],
    ['{ name: a, type: bash, command: \'echo ${{ {"a": 1}.a }}\' }', 'may not hold'],
    ['{ name: a, type: sensor, command: "test -e ${{ ctx.name }}" }', 'NAME: ${{ ctx.name }}'],
    [
      '{ name: a, type: sql, database: x.db, query: "SELECT ${{ ctx.name }}" }',
      'Bind it as a parameter:\n    query: SELECT … WHERE id = ?\n    params: [${{ ctx.name }}]',
    ],
    ['{ name: a, type: sensor, sql: { database: x.db, query: "SELECT ${{ ctx.name }}" } }', 'Bind it as a parameter:'],
  ] as const)('is refused within code, with the safe way: %s', async ([task, way]) => {
    const problems = await problemsOf(`tasks: [${task}]`);
    expect(problems).toEqual([expect.stringMatching(/^2:\d+ UNSAFE_EXPRESSION Task "a"/)]);
    expect(problems[0]).toContain('data pasted into code is run as code');
    expect(problems[0]).toContain(way);
  });

  test.for([
    ['shell', '{ name: a, type: bash, command: x, shell: "${{ ctx.shell }}" }'],
    ['shell', '{ name: a, type: bash, command: x, shell: [bash, "${{ ctx.shell }}"] }'],
    ['module', '{ name: a, type: node, module: "${{ ctx.module }}" }'],
    ['file', '{ name: a, type: job, file: "${{ ctx.file }}" }'],
  ] as const)('does not choose what is run: %s', async ([key, task]) => {
    const problems = await problemsOf(`tasks: [${task}]`);
    expect(problems).toEqual([expect.stringContaining('UNSAFE_EXPRESSION Task "a"')]);
    expect(problems[0]).toContain(key);
  });

  test.for([
    ['owner', '{ name: a, type: external, owner: "${{ ctx.team }}" }'],
    ['data', '{ name: a, type: external, data: { pages: [1, "${{ ctx.pages }}"] } }'],
  ] as const)('does not change what a file says of all its jobs: %s', async ([key, task]) => {
    const problems = await problemsOf(`tasks: [${task}]`);
    expect(problems).toEqual([expect.stringContaining(`UNSAFE_EXPRESSION Task "a" has "${key}`)]);
  });
});

describe('an expression that reads the output of a task', () => {
  test.for([
    [
      'prints it',
      "type: bash, command: 'echo 3'",
      'Give it "output: text", or json or lines, if you mean what it prints.',
    ],
    ['puts out a mapping', `type: bash, command: 'echo "{}"', output: json`, 'The keys of a mapping that it puts out'],
    ['is skipped', 'type: bash, command: x, output: text, when: false', 'has put out nothing under its name. To allow'],
  ] as const)('which %s names the task and what is missing', async ([, task, remedy]) => {
    const run = await runWorkflow(`
tasks:
  - { name: a, ${task} }
  - { name: b, type: bash, dependencies: [a], trigger: all_done, env: { A: "\${{ ctx.a }}" }, command: x }
  - { name: c, type: bash, dependencies: [a], trigger: all_done, when: ctx.a > 1, command: x }
`);
    for (const reader of ['b', 'c']) {
      expect(failureOf(run, reader)).toContain('there is no key "a": task "a" has put out nothing under its name.');
      expect(failureOf(run, reader)).toContain(remedy);
    }
  });

  test('but another key says no more than that it is missing', async () => {
    const run = await runWorkflow(
      'tasks: [{ name: a, type: bash, command: \'echo {}\', output: json }, { name: b, type: bash, dependencies: [a], command: x, env: { A: "${{ ctx.none }}", B: "${{ job.a }}" } }]',
    );
    expect(failureOf(run, 'b')).toContain('there is no key "none". To allow that');
  });

  test('is refused if that task is not upstream', async () => {
    expect(
      await problemsOf(`
tasks:
  - { name: a, type: bash, command: x }
  - { name: b, type: bash, command: x, env: { V: "\${{ ctx.a }}" } }
  - { name: c, type: bash, command: x, dependencies: [b], when: 'ctx["a"] > 1 && ctx.b > 1' }
  - { name: d, type: bash, command: x, dependencies: [a], map: { over: ctx.e } }
  - { name: e, type: bash, command: x, dependencies: [d], args: ["\${{ ctx.a }} \${{ ctx.rows }} \${{ ctx.e }}"] }
  - { name: f, type: bash, command: x, args: ["\${{ ctx.last }}"] }
handlers:
  always: [{ name: last, type: bash, command: x, args: ["\${{ ctx.a }} \${{ ctx.bad }}"] }]
  failure: [{ name: bad, type: bash, command: x, args: ["\${{ ctx.a }}"] }]
`).then((problems) => problems.map((problem) => problem.replace(/^(\d+):\d+/, '$1'))),
    ).toEqual([
      '5 UNKNOWN_REFERENCE Task "b" reads ctx.a, but does not wait for task "a". Add "a" to its dependencies.',
      '6 UNKNOWN_REFERENCE Task "c" reads ctx.a, but does not wait for task "a". Add "a" to its dependencies.',
      '7 UNKNOWN_REFERENCE Task "d" reads ctx.e, but task "e" runs after it.',
      '9 UNKNOWN_REFERENCE Task "f" reads ctx.last, but task "last" runs after it.',
    ]);
  });
});

describe('a wrong expression', () => {
  const PLACES = {
    env: 'command: echo, env: { V: "<X>" }',
    args: 'command: echo, args: ["<X>"]',
    cwd: 'command: echo, cwd: "<X>"',
    when: 'command: echo, when: "<X>"',
    'map.over': 'command: echo, map: { over: "<X>" }',
    'an item of map.over': 'command: echo, map: { over: [{ k: "<X>" }] }',
  };

  test.for(Object.keys(PLACES) as (keyof typeof PLACES)[])('in %s is told at its place', async (where) => {
    const task = PLACES[where].replace('<X>', '${{ foo + 1 }}');
    const [problem, ...more] = await problemsOf(`tasks:\n  - { name: a, type: bash, ${task} }`);
    expect(more).toEqual([]);
    expect(problem).toMatch(/^3:\d+ INVALID_EXPRESSION Task "a"/);
    expect(problem).toContain('there is no variable "foo". Known are ctx, params,');
    const column = Number(/^3:(\d+)/.exec(problem ?? '')?.[1]);
    const line = `  - { name: a, type: bash, ${task} }`;
    expect(line.slice(column - 1).replace(/^"/, '')).toMatch(/^foo \+ 1/);
  });

  test.for([
    ['in env', 'env: { V: "<a> ${{ ctx.a }} ${{ 1 + foo }}" }', 'foo }}'],
    ['at the end', 'env: { V: "${{ ctx.a > }}" }', ' }}'],
    ['in a condition', 'when: "  ctx.a > 1 && ctx.b = 2"', '= 2'],
    ['in a wrapped condition', 'when: "${{ ctx.a > 1 && now() }}"', 'now() }}'],
    ['that is not closed', 'env: { V: "a ${{ ctx.a" }', '${{ ctx.a"'],
    ['in json', 'type: http, url: x, json: { a: [1, "${{ ctx.a + foo }}"] }', 'foo }}'],
    ['of text with escapes', 'env: { V: "\\t ${{ foo }}" }', 'foo }}'],
    ['that reads an undeclared param', 'env: { V: "params.x ${{ 1 + params.x }}" }', 'params.x }}'],
    ['that reads an item', 'when: \'"item" == "" || item > 1\'', 'item > 1'],
    ['that reads a task that is not upstream', 'when: "ctx.x > 1 || ctx.z > 1"', 'ctx.z > 1'],
  ] as const)('%s is shown where its fault is', async ([, keys, fault]) => {
    const task = `  - { name: a, ${keys.startsWith('type') ? '' : 'type: bash, command: x, '}${keys} }`;
    const [problem] = await problemsOf(`tasks:\n${task}\n  - { name: z, type: bash, command: x }`);
    const column = Number(/^3:(\d+)/.exec(problem ?? '')?.[1]);
    expect(task.slice(column - 1, column - 1 + fault.length)).toBe(fault);
  });

  test('in a text of several lines is shown in its line', async () => {
    const [problem] = await problemsOf(
      'tasks:\n  - name: a\n    type: bash\n    command: x\n    when: |\n      ctx.a > 1\n      && foo\n',
    );
    expect(problem).toMatch(/^8:10 /);
  });

  test.for([
    ['params.dya', 'params: { day: 1 }', 'reads params.dya, which the workflow does not declare. Did you mean "day"?'],
    ['params["dya"]', 'params: { day: 1 }', 'reads params.dya'],
    ['params.day', '', 'Declare it: params: { day: … }.'],
    ['secrets.TOKN', 'secrets: { TOKEN: { env: PATH } }', 'reads secrets.TOKN'],
    ['item.id', '', 'reads item, which only a task with "map" has.'],
    ['index + 1', '', 'reads index, which only a task with "map" has.'],
  ] as const)('that reads %s is told so', async ([source, declared, message]) => {
    const problems = await problemsOf(
      `${declared}\ntasks: [{ name: a, type: bash, command: echo, env: { V: '\${{ ${source} }}' } }]`,
      { env: { PATH: '/bin-of-secrets' } },
    );
    expect(problems).toEqual([expect.stringContaining('UNKNOWN_REFERENCE')]);
    expect(problems[0]).toContain(message);
  });

  test.for([
    'ctx.rows.filter(item, item.ok).size()',
    'ctx.item',
    'ctx.rows.map(index, index + 1)',
    '"item"',
  ])('%s is none: that item is its own', async (source) => {
    expect(
      await problemsOf(
        `tasks: [{ name: a, type: bash, command: echo, when: 'false', env: { V: '\${{ ${source} }}' } }]`,
      ),
    ).toEqual([]);
  });

  test('in what a map runs over has no item yet', async () => {
    const problems = await problemsOf('tasks: [{ name: a, type: bash, command: echo, map: { over: item } }]');
    expect(problems).toEqual([expect.stringContaining('item')]);
  });

  test('in a condition of a map has no item, for it is asked once', async () => {
    const problems = await problemsOf(
      "tasks: [{ name: a, type: bash, command: echo, map: { over: [1] }, when: 'item == 1' }]",
    );
    expect(problems).toEqual([expect.stringContaining('UNKNOWN_REFERENCE')]);
  });

  test('that shows while running names the task and itself', async () => {
    const run = await runWorkflow(`
tasks:
  - { name: load, type: bash, command: echo, env: { V: "\${{ ctx.rows }}" }, max_retries: 2, retry: { backoff: none } }
  - { name: each, type: bash, command: echo, env: { V: "\${{ item.id }}" }, map: { over: [{ di: 1 }] } }
`);
    expect(failureOf(run, 'load')).toContain('Task "load" failed');
    expect(failureOf(run, 'load')).toContain('ctx.rows has no value: there is no key "rows".');
    expect(failureOf(run, 'each')).toContain('Task "each[0]" failed');
    expect(failureOf(run, 'each')).toContain('item.id has no value: there is no key "id".');
  });
});

describe('tasks and env', () => {
  test('say what became of the tasks upstream, also of those further up, in when, env and handlers', async () => {
    const { states, result } = await runWorkflow(
      `
tasks:
  - { name: a, type: bash, command: "true" }
  - { name: b, type: bash, command: exit 3, dependencies: [a], max_retries: 1 }
  - { name: c, type: bash, command: "true", when: "false" }
  - name: either
    type: bash
    dependencies: [b, c]
    trigger: all_done
    when: tasks.a.state == "completed" && (tasks.b.state == "failed" || tasks.c.state == "completed")
    env:
      TOLD: \${{ tasks.b.state }} \${{ tasks.b.attempts }} \${{ tasks.b.duration >= 0 && tasks.b.duration < duration("5m") }} \${{ tasks.c.state }} \${{ tasks.c.attempts }} \${{ tasks.c.duration }}
      WHY: \${{ tasks.b.error }}
    command: printf '%s|%s' "$TOLD" "$WHY"
    output: text
  - { name: never, type: bash, command: "true", dependencies: [c], trigger: all_done, when: tasks.c.state != "skipped" }
handlers:
  always:
    - name: report
      type: node
      env: { STATES: "\${{ ['a', 'b', 'c', 'either', 'never'].map(name, tasks[name].state).join(' ') }}" }
      command: "output({ states: process.env.STATES })"
`,
    );
    expect(states).toMatchObject({ either: 'completed', never: 'skipped' });
    expect(result.ctx.either).toMatch(/^failed 2 true skipped 0 \|.*exit(ed with)? code 3/);
    expect(result.ctx.states).toBe('completed failed skipped completed skipped');
  });

  test.for([
    ['tasks.bild.state == "failed"', 'reads tasks.bild, but there is no task of this name. Did you mean "build"?'],
    [
      'tasks.other.state == "failed"',
      'reads tasks.other, but does not wait for task "other". Add "other" to its dependencies.',
    ],
    ['tasks.mine.state == "failed"', 'reads tasks.mine, but it is asked before the task has run.'],
  ] as const)('refuse %s', async ([when, message]) => {
    const task = '{ name: other, type: bash, command: x }, { name: build, type: bash, command: x }';
    const mine = `{ name: mine, type: bash, command: x, dependencies: [build], when: '${when}' }`;
    const [problem, ...more] = await problemsOf(`tasks: [${task}, ${mine}]`);
    expect(more).toEqual([]);
    expect(problem).toContain(`UNKNOWN_REFERENCE Task "mine" ${message}`);
  });

  test('env has the variables of tintype itself', async () => {
    const { result } = await runWorkflow(
      `tasks: [{ name: a, type: bash, when: env.?STAGE.orValue("") == "test", env: { S: "<\${{ env.STAGE }}>" }, command: echo "$S", output: text }]`,
      { env: { STAGE: 'test' } },
    );
    expect(result.ctx.a).toBe('<test>');
  });

  test('now is for the defaults of params alone', async () => {
    const [problem] = await problemsOf(`tasks: [{ name: a, type: bash, command: x, env: { AT: "\${{ now }}" } }]`);
    expect(problem).toContain('reads now, which only the default of a param can');
    expect(await problemsOf(`tasks: [{ name: a, type: bash, command: x, when: "[1].all(now, now > 0)" }]`)).toEqual([]);
  });
});

test('while a file is checked, each expression is compiled once for its variables, and kept no longer', () => {
  const both = () => [compile('1 + 1'), compile('1 + 1')];
  const [first, second] = compilingOnce(both);
  expect(first).toBe(second);
  expect(compile('1 + 1')).not.toBe(first);
  compilingOnce(() => {
    compile('exit_code != 2', RETRY_VARIABLES);
    expect(() => compile('exit_code != 2')).toThrow('there is no variable "exit_code"');
  });
  expect(() => compilingOnce(() => compile('1 +'))).toThrow(ExpressionError);
  expect(compile('1 + 1')).not.toBe(compile('1 + 1'));
});
