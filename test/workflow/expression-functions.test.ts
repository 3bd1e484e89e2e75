import * as fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { compile } from '../../src/workflow/expression.ts';

const ctx = {
  rows: [
    { n: 3, t: 'c' },
    { n: 1, t: 'a' },
  ],
  list: [3, 1, 2, 1],
  nested: [[1], [2, [3]]],
  json: '{"a": [1, 12345678901234567890]}',
  // In Berlin, the clocks were set from 2:00 to 3:00 half an hour later.
  at: '2026-03-29T00:30:00Z',
};

const valueIn = (source: string): unknown => compile(source).evaluate({ ctx });

describe('functions', () => {
  test.for<[source: string, value: unknown]>([
    // Lists.
    ['ctx.list.sort()', [1, 1, 2, 3]],
    ['["b", "A", "a"].sort()', ['A', 'a', 'b']],
    ['[timestamp(20), timestamp(10)].sort()[0]', '1970-01-01T00:00:10.000Z'],
    ['[].sort()', []],
    ['ctx.rows.sortBy(r, r.n).map(r, r.t)', ['a', 'c']],
    ['ctx.list.sortBy(x, -x)', [3, 2, 1, 1]],
    ['ctx.list.distinct()', [3, 1, 2]],
    ['[1, 1.0, "1", [1], [1.0], {"a": 1, "b": 2}, {"b": 2, "a": 1}].distinct().size()', 4],
    ['ctx.nested.flatten()', [1, 2, [3]]],
    ['ctx.nested.flatten(2)', [1, 2, 3]],
    ['ctx.list.sum()', 7],
    ['[1, 2].sum() + 1', 4],
    ['[].sum()', 0],
    ['[duration("1h"), duration("30m")].sum() == duration("90m")', true],
    ['ctx.list.min() + ctx.list.max()', 4],
    ['ctx.list.first()', 3],
    ['ctx.list.last().orValue(0) + 1', 2],
    ['[].first().orValue("none")', 'none'],
    ['ctx.list.reverse()', [1, 2, 1, 3]],
    ['ctx.list.slice(1, 3)', [1, 2]],
    ['lists.range(3)', [0, 1, 2]],
    ['ctx.list.join(",")', '3,1,2,1'],
    ['ctx.rows.map(r, r.t).join("-")', 'c-a'],
    ['sets.contains(ctx.list, [1, 2.0]) && !sets.contains([1], [2])', true],
    ['sets.intersects([1, 2], [2, 3]) && !sets.intersects([1], [2])', true],
    ['sets.equivalent([1, 2, 1], [2, 1]) && !sets.equivalent([1], [1, 2])', true],
    // Text.
    ['"a-b-c".replace("-", "+")', 'a+b+c'],
    ['"a-b-c".replace("-", "+", 1)', 'a+b-c'],
    ['"a.c".replace(".", "$&")', 'a$&c'],
    ['"ab".replace("", "-")', '-a-b-'],
    ['"a😀".reverse()', '😀a'],
    ['"abc".charAt(1) + "abc".charAt(3)', 'b'],
    ['"%s has %d, %.2f, %x, %%".format(["a", ctx.list[0], 1.5, 255])', 'a has 3, 1.50, ff, %'],
    ['"%s %s %s".format([true, null, [1, {"a": "b"}]])', 'true null [1,{"a":"b"}]'],
    ['"%e %b %o %X".format([1200.0, 5, 8, "hi"])', '1.200000e+03 101 10 6869'],
    ['strings.quote("a\\"b")', '"a\\"b"'],
    ['base64.encode("hi") + base64.decode("aGk=").string()', 'aGk=hi'],
    // Numbers.
    ['math.greatest(1, ctx.list[0], 2)', 3],
    ['math.least(ctx.list)', 1],
    ['[math.ceil(1.2), math.floor(-1.2), math.trunc(-1.7), math.round(2.5), math.round(-2.5)]', [2, -2, -1, 3, -3]],
    ['math.abs(-3) + math.sign(-0.5) + math.sqrt(4.0)', 4],
    ['math.round(ctx.list[0] / 2)', 2],
    ['math.isFinite(1.0) && math.isNaN(0.0 / 0.0) && math.isInf(1.0 / 0.0)', true],
    // JSON.
    ['ctx.json.json().a', [1, '12345678901234567890']],
    ['json(ctx.rows)', '[{"n":3,"t":"c"},{"n":1,"t":"a"}]'],
    [
      'json({"a": [1, 1.5, true, null, "x\\n"], "t": timestamp(0)})',
      '{"a":[1,1.5,true,null,"x\\n"],"t":"1970-01-01T00:00:00.000Z"}',
    ],
    ['json(json(ctx.rows).json()) == json(ctx.rows)', true],
    // Times.
    ['string(timestamp(ctx.at))', '2026-03-29T00:30:00.000Z'],
    ['int(timestamp(ctx.at))', 1774744200],
    ['string(duration("90m"))', '5400s'],
    ['timestamp("2026-03-30T00:00:00Z") - timestamp(ctx.at) > duration("23h")', true],
    ['timestamp(ctx.at).getHours("Europe/Berlin")', 1],
    ['(timestamp(ctx.at) + duration("30m")).getHours("Europe/Berlin")', 3],
    ['timestamp(ctx.at).getHours("-09:30")', 15],
    ['timestamp(ctx.at).getDate("America/New_York")', 28],
    ['[timestamp(ctx.at).getDayOfYear(), timestamp(ctx.at).getDayOfYear("America/New_York")]', [87, 86]],
    ['timestamp(ctx.at).getDayOfWeek("Asia/Tokyo")', 0],
    ['timestamp(ctx.at).format("%F")', '2026-03-29'],
    ['timestamp(ctx.at).format("%F %T %z", "Europe/Berlin")', '2026-03-29 01:30:00 +0100'],
    [
      'timestamp(ctx.at).format("%a %e %B %Y, %I:%M %p, %j %u %s %L %%")',
      'Sun 29 March 2026, 12:30 AM, 088 7 1774744200 000 %',
    ],
    ['timestamp(ctx.at).format("%s", "Asia/Tokyo") == timestamp(ctx.at).format("%s")', true],
  ])('%s', ([source, value]) => {
    expect(valueIn(source)).toEqual(value);
  });

  test.for([
    [
      'ctx.rows.sort()',
      'there is no order of mappings: numbers, texts, booleans, times or durations have one. For a list of mappings, use sortBy(item, item.key)',
    ],
    ['[1, "a"].sort()', 'there is no order of'],
    ['ctx.rows.sortBy(r, r.gone)', 'there is no key "gone"'],
    ['[].max()', 'an empty list has no max'],
    ['["a"].sum()', 'sum() adds numbers, or durations, not "a"'],
    ['ctx.list.slice(3, 9)', 'slice(3, 9) is outside of a list of 4'],
    ['[[1]].join(",")', 'join takes texts, not [1]. Make texts of them first: map(item, json(item))'],
    ['"%d".format(["x"])', 'format: %d takes a whole number, not "x"'],
    ['"%s %s".format([1])', 'format: %s has no value, the list has 1'],
    ['"x".format([1])', 'format: the list has 1 values, but the text 0 places'],
    ['"%q".format([1])', 'format: there is no %q. Known are %s,'],
    ['"%.999f".format([1.0])', 'more than 100 digits'],
    ['math.abs("x")', 'math.abs(…) takes a number'],
    ['base64.decode("?")', 'the text is not base64'],
    ['"{".json()', 'has no value'],
    [
      'timestamp(ctx.at).getHours("Mars/Base")',
      'there is no time zone "Mars/Base". Write one as Europe/Berlin, UTC or +02:00',
    ],
    ['timestamp(ctx.at).format("%Q")', 'format: there is no %Q. Known are %Y,'],
  ] as const)('%s has no value, and says why', ([source, message]) => {
    expect(() => valueIn(source)).toThrow(message);
  });

  test.for([
    ['ctx.list.sorted()', 'there is no function "sorted". Write ….sort().'],
    ['toJSON(ctx)', 'there is no function "toJSON". Write json(…).'],
    ['sum(ctx.list)', 'there is no function "sum". Write ….sum().'],
    ['math.median(1)', "no matching overload for 'math.median(int)'"],
    ['ctx.list.sortBy(1, 2)', 'sortBy(item, key) begins with the name that key has for an item'],
  ] as const)('%s can not be read, and says what to write', ([source, message]) => {
    expect(() => compile(source)).toThrow(message);
  });

  test('times are the same whatever the time zone of the process', () => {
    const zone = process.env.TZ;
    try {
      for (const one of ['UTC', 'America/New_York', 'Australia/Lord_Howe', 'Europe/Berlin']) {
        process.env.TZ = one;
        // At this time, New York has no half past two.
        expect(valueIn('timestamp("2026-03-08T02:30:00Z").getHours("UTC")')).toBe(2);
        expect(valueIn('timestamp("2026-07-01T00:00:00Z").getDayOfYear()')).toBe(181);
      }
    } finally {
      if (zone === undefined) delete process.env.TZ;
      else process.env.TZ = zone;
    }
  });

  test('sort puts a list in order, and keeps its items', () => {
    fc.assert(
      fc.property(fc.array(fc.oneof(fc.integer(), fc.double({ noNaN: true, noDefaultInfinity: true }))), (list) => {
        const sorted = compile('ctx.list.sort()').evaluate({ ctx: { list } }) as number[];
        expect(sorted).toEqual([...list].sort((a, b) => a - b));
      }),
    );
  });

  test.for([
    ['sorts', 'ctx.many.map(a, ctx.many.sort())'],
    ['keys of sorts', 'ctx.many.sortBy(a, ctx.many.sortBy(b, ctx.many.sum()).size())'],
    ['distinct items', 'ctx.many.map(a, ctx.texts.distinct().size())'],
    ['sets', 'ctx.many.map(a, sets.contains(ctx.texts, ctx.texts))'],
    ['replacements that make a long text', 'ctx.long.replace("a", ctx.long)'],
    ['reversed texts', 'ctx.many.map(a, ctx.long.reverse())'],
    ['formats', 'ctx.many.map(a, "%s".format([ctx.many]))'],
    ['JSON made', 'ctx.many.map(a, json(ctx.texts))'],
    ['JSON read', 'ctx.many.map(a, ctx.array.json())'],
    ['a long range', 'lists.range(1000000000000)'],
    ['sums', 'ctx.many.map(a, ctx.many.map(b, ctx.many.sum()))'],
    ['flattened lists', 'ctx.many.map(a, ctx.many.map(b, ctx.many)).flatten()'],
    ['base64', 'ctx.many.map(a, base64.encode(ctx.long))'],
    ['times in zones', 'ctx.many.all(a, ctx.many.all(b, timestamp(0).format("%F", "Asia/Tokyo") != ""))'],
  ] as const)('take steps for what takes time: %s', ([, source]) => {
    const many = Array.from({ length: 3_000 }, (_, at) => at);
    const long = 'a'.repeat(1_000_000);
    const scope = { ctx: { many, long, texts: many.map((at) => `text ${at}`), array: JSON.stringify(many) } };
    const started = process.cpuUsage();
    expect(() => compile(source).evaluate(scope)).toThrow('more than 10000000 steps');
    // About 2 s each at most; a busy machine may take longer.
    expect(process.cpuUsage(started).user / 1e6).toBeLessThan(10);
  });
});
