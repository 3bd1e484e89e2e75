import { defineJob, jobFrom } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';
import type { FoldInput } from '../../../src/engine/views/fold.ts';
import { DARK, GLYPHS, glyphColour, LIGHT, type Theme } from '../../../src/engine/views/palette.ts';
import { type Picture, pictureOfDefinition } from '../../../src/engine/views/picture/picture.ts';
import { svgOf } from '../../../src/engine/views/picture/svg.ts';
import { toSvg } from '../../../src/svg.ts';
import { HOSTILE_NAMES } from '../../support/hostile-names.ts';
import { columnsOf, nestedColumns } from '../../support/task-columns.ts';

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&' };

const unescaped = (xml: string): string => xml.replace(/&(\w+);/g, (_, name) => ENTITIES[name] ?? '?');

const contents = (svg: string, element: string): string[] =>
  [...svg.matchAll(new RegExp(`<${element}[^>]*>([^<]*)</${element}>`, 'g'))].map(([, text = '']) => unescaped(text));

const kindsIn = (svg: string): string[] => [...svg.matchAll(/data-kind="(\w+)"/g)].map(([, kind = '']) => kind);

/** A picture of a definition whose tasks are these columns. */
const pictureOf = (columns: FoldInput, state?: 'completed' | 'failed'): Picture => ({
  name: 'job',
  columns,
  tasks: columns.names.map((name) => ({ kind: 'task', state, notes: [], duration: '', tooltip: name })),
});

test('every hostile name is a node with that text, cut if it is long, and whole under the pointer', () => {
  const tasks = HOSTILE_NAMES.map((name, at) => ({
    name,
    kind: 'task' as const,
    dependsOn: HOSTILE_NAMES.slice(0, Math.min(1, at)),
  }));
  const name = 'job "x" \\G <y>';
  const svg = svgOf(pictureOfDefinition([], { name, tasks }));
  expect(contents(svg, 'title').sort()).toEqual([...HOSTILE_NAMES, name].sort());
  const oneSpace = HOSTILE_NAMES.filter(({ length }) => length <= 40);
  expect(contents(svg, 'text')).toEqual(expect.arrayContaining([...oneSpace, name]));
  expect(svg.match(/class="node"/g)).toHaveLength(HOSTILE_NAMES.length);
  expect(svg.match(/class="edge"/g)).toHaveLength(HOSTILE_NAMES.length - 1);
  expect(svg.replace(/<\/?(svg|title|desc|style|rect|text|g|path)\b[^<>]*>/g, '')).not.toMatch(/[<>]/);
  expect(svgOf(pictureOfDefinition([], { name: 'a\u0000b', tasks: [] }))).toContain('a\uFFFDb');
});

describe('the picture of a job', () => {
  const clock = virtualClock(Date.UTC(2026, 0, 5, 9, 30));
  const inner = defineJob('inner')
    .task('pack', () => {})
    .task('label', { dependsOn: ['pack'] }, () => {})
    .seal();
  const outer = defineJob('orders')
    .map('clean', { over: [1, 2, 3], concurrency: 1 }, ({ index }) => {
      if (index === 2) throw new Error('no <3>');
    })
    .job('ship', {}, inner)
    .task('bill', { dependsOn: ['clean'] }, () => {})
    .seal();

  test('shows what is inside nested jobs, and the items of fan-outs as cells', async () => {
    const job = outer.start({}, { clock });
    await clock.runAll();
    await job;
    const svg = toSvg(job);
    expect(contents(svg, 'desc')).toEqual(['6 tasks: 4 completed, 1 failed, 1 unscheduled']);
    expect(kindsIn(svg).sort()).toEqual(['frame', 'map', 'task', 'task', 'task']);
    expect(contents(svg, 'title')[0]).toBe('orders, failed');
    expect(contents(svg, 'text')).toEqual(
      expect.arrayContaining(['clean', '2 / 3', '1 failed', 'ship', 'pack', 'label', 'completed 4', 'failed 1']),
    );
    expect(contents(svg, 'title').some((tooltip) => tooltip.startsWith('bill\nState: unscheduled'))).toBe(true);
  });

  test('of its definition has no states, but what is noted of the tasks', () => {
    const svg = toSvg(outer);
    expect(contents(svg, 'text')).toEqual(expect.arrayContaining(['orders', 'map', 'pack', 'label', 'bill']));
    expect(svg).not.toContain('State:');
    expect(kindsIn(svg).filter((kind) => kind === 'frame')).toHaveLength(1);
  });

  test('of nothing has its name', () => {
    expect(contents(toSvg(jobFrom('nothing', [])), 'text')).toEqual(['nothing']);
  });
});

describe('a picture', () => {
  test('of many tasks folds them, and has a cell for each', () => {
    const columns = nestedColumns(10_000);
    const svg = svgOf(pictureOf(columns, 'completed'));
    expect(kindsIn(svg).length).toBeLessThan(90);
    expect(svg.length).toBeLessThan(200_000);
    expect(svg.match(/h7v7h-7z/g)?.length).toBeGreaterThan(2_500);
  });

  test('marks failed cells by a shape, too', () => {
    const columns = columnsOf(['map', 'map[0]', 'map[1]']);
    expect(svgOf(pictureOf(columns, 'failed')).match(/h9v9h-9z/g)).toHaveLength(2);
    expect(svgOf(pictureOf(columns, 'completed'))).not.toContain('h9v9h-9z');
  });

  test('is the same each time, and reaches nothing outside of it', () => {
    const svg = svgOf(pictureOf(nestedColumns(500), 'completed'));
    expect(svgOf(pictureOf(nestedColumns(500), 'completed'))).toBe(svg);
    const [, styles = ''] = /<style>([\s\S]*)<\/style>/.exec(svg) ?? [];
    const selectors = styles.replace(/@media\([^)]*\)\{/g, '').matchAll(/(?:^|\})\s*([^{}]+)\{/g);
    for (const [, selector = ''] of selectors)
      for (const part of selector.split(',')) expect(part.trim()).toMatch(/^\.tintype-graph/);
  });
});

describe('the palette', () => {
  const luminance = (colour: string): number => {
    const [r = 0, g = 0, b = 0] = [1, 3, 5]
      .map((at) => Number.parseInt(colour.slice(at, at + 2), 16) / 255)
      .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
    return 0.2126 * r + 0.7152 * g + 0.0722 * b;
  };
  const contrast = (a: string, b: string): number => {
    const [low = 0, high = 0] = [luminance(a), luminance(b)].sort((x, y) => x - y);
    return (high + 0.05) / (low + 0.05);
  };

  test.each<[string, Theme]>([
    ['light', LIGHT],
    ['dark', DARK],
  ])('has text that can be read on every surface, %s', (_name, theme) => {
    for (const surface of [theme.page, theme.panel, theme.card])
      for (const text of [theme.text, theme.dim, theme.accent, theme.completedText, theme.failedText])
        expect(contrast(text, surface), `${text} on ${surface}`).toBeGreaterThan(4.5);
  });

  test.each<[string, Theme]>([
    ['light', LIGHT],
    ['dark', DARK],
  ])('has glyphs that can be seen on the colour of each state, %s', (_name, { states }) => {
    for (const [state, colour] of Object.entries(states))
      expect(contrast(glyphColour(colour), colour), state).toBeGreaterThan(3);
    expect(Object.keys(states).sort()).toEqual(Object.keys(GLYPHS).sort());
  });
});
