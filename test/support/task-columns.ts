import fc from 'fast-check';
import type { FoldInput, Folding } from '../../src/engine/views/fold.ts';

/** Tasks as columns, from lines such as `report <- clean, count`; `outer/inner` and `clean[3]` are inside others, `outer` and `clean`. */
export const columnsOf = (lines: readonly string[]): FoldInput => {
  const parsed = lines.map((line) => {
    const [path = '', needs = ''] = line.split('<-').map((part) => part.trim());
    const [, around = '', name = path] = /^(.*?)(?:\/|(?=\[))([^/[]+|\[\d+\])$/.exec(path) ?? [];
    return { path, around, name, needs: needs.split(/[ ,]+/).filter(Boolean) };
  });
  const at = new Map(parsed.map(({ path }, index) => [path, index]));
  const fanOuts = new Set(parsed.filter(({ name }) => name.startsWith('[')).map(({ around }) => around));
  return {
    names: parsed.map(({ name }) => name),
    parent: parsed.map(({ around }) => at.get(around) ?? -1),
    kind: parsed.map(({ path }) => (fanOuts.has(path) ? 'm' : 't')).join(''),
    up: parsed.map(({ needs }) => needs.map((need) => at.get(need) as number)),
  };
};

/** Tasks at the top, each named by its index, with these upstreams. */
export const flatColumns = (up: readonly (readonly number[])[]): FoldInput => ({
  names: up.map((_, task) => `t${task}`),
  parent: up.map(() => -1),
  kind: 't'.repeat(up.length),
  up,
});

const times = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index));

/** Pseudo-random numbers below a limit; the same each time. */
const chance = (seed: number): ((limit: number) => number) => {
  let state = seed;
  return (limit) => {
    state = (Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + 0x9e3779b9) | 0;
    return (state >>> 0) % limit;
  };
};

/** Graphs of any number of tasks from 3, flat. */
export const SHAPES: Readonly<Record<string, (count: number) => FoldInput>> = {
  chain: (count) => flatColumns(times(count, (at) => (at === 0 ? [] : [at - 1]))),
  wide: (count) =>
    flatColumns(
      times(count, (at) => (at === 0 ? [] : at < count - 1 ? [0] : times(count - 2, (middle) => middle + 1))),
    ),
  apart: (count) => flatColumns(times(count, () => [])),
  layers: (count) => {
    const next = chance(2);
    const width = Math.max(2, Math.round(Math.sqrt(count)));
    return flatColumns(
      times(count, (at) => {
        const above = Math.floor(at / width) - 1;
        return above < 0 ? [] : [...new Set(times(3, () => above * width + next(width)))];
      }),
    );
  },
  warehouse: (count) => {
    const next = chance(9);
    return flatColumns(times(count, (at) => (at > 0 && next(10) < 9 ? [...new Set(times(2, () => next(at)))] : [])));
  },
  ladder: (count) => flatColumns(times(count, (at) => (at < 2 ? [] : [at - 2 - (at % 2), at - 1 - (at % 2)]))),
};

/** A warehouse: tables of six steps of which one is a fan-out, marts of nested tasks, reports; about so many tasks. */
export const nestedColumns = (count: number): FoldInput => {
  const tables = 24;
  const items = Math.max(1, Math.round((count * 0.7) / tables));
  const inMart = Math.max(2, Math.round((count * 0.3) / 6));
  const steps = ['extract', 'clean', 'split', 'merge', 'check', 'load'];
  const lines = ['start'];
  for (let table = 0; table < tables; table++) {
    for (const [at, step] of steps.entries()) {
      lines.push(`${step}_table${table} <- ${at === 0 ? 'start' : `${steps[at - 1]}_table${table}`}`);
      if (step === 'split') for (let item = 0; item < items; item++) lines.push(`split_table${table}[${item}]`);
    }
  }
  const loads = times(tables, (table) => `load_table${table}`);
  for (const mart of ['sales', 'finance', 'people', 'logistics', 'marketing', 'quality']) {
    lines.push(`mart_${mart} <- ${loads}`);
    for (let at = 0; at < inMart; at++)
      lines.push(`mart_${mart}/m${at} <- ${at < 40 ? '' : `mart_${mart}/m${at - 40}, mart_${mart}/m${at - 39}`}`);
    lines.push(`report_${mart} <- mart_${mart}`);
  }
  lines.push(
    `approve <- ${['sales', 'finance', 'people', 'logistics', 'marketing', 'quality'].map((mart) => `report_${mart}`)}`,
  );
  lines.push('publish <- approve', 'notify <- publish');
  return columnsOf(lines);
};

/** Any tasks, nested to any depth. A task waits for some before it on its level. */
export const anyColumns = (maxLength = 60): fc.Arbitrary<FoldInput> =>
  fc
    .array(
      fc.record({
        around: fc.option(fc.nat(), { freq: 3 }),
        needs: fc.array(fc.nat(8), { maxLength: 3 }),
        like: fc.constantFrom('any', 'any', 'last', 'chain', 'root'),
        isFanOut: fc.boolean(),
      }),
      { minLength: 1, maxLength, size: 'max' },
    )
    .map((drafts) => {
      const siblings = new Map<number, number[]>();
      const parent: number[] = [];
      const up: number[][] = [];
      const kind = drafts.map(({ isFanOut }) => (isFanOut ? 'm' : 'j')).join('');
      const names = drafts.map(({ around, needs, like }, task) => {
        const outer = around === null || task === 0 ? -1 : around % task;
        parent.push(outer);
        const level = siblings.get(outer) ?? [];
        siblings.set(outer, level);
        const previous = level.at(-1);
        const isItem = outer >= 0 && kind[outer] === 'm';
        if (isItem || previous === undefined || like === 'root') up.push([]);
        else if (like === 'last') up.push([...(up[previous] as number[])]);
        else if (like === 'chain') up.push([previous]);
        else up.push([...new Set(needs.flatMap((back) => level.at(-1 - back) ?? []))]);
        level.push(task);
        return isItem ? `[${level.length - 1}]` : `t${task}`;
      });
      return { names, parent, kind, up };
    });

/** All boxes of a folding, also those inside others. */
export const allBoxes = (folding: Folding): Folding['boxes'] => {
  const levels = [folding];
  for (const { boxes } of levels) for (const { inner } of boxes) if (inner) levels.push(inner);
  return levels.flatMap(({ boxes }) => boxes);
};
