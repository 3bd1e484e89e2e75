import { expect, test } from 'vitest';
import { dotOf } from '../../../src/engine/views/dot.ts';
import type { TaskView } from '../../../src/engine/views/graph-view.ts';
import { toSvg } from '../../../src/svg.ts';
import { HOSTILE_NAMES } from '../../support/hostile-names.ts';

const ENTITIES: Readonly<Record<string, string>> = { lt: '<', gt: '>', quot: '"', amp: '&' };

const unescaped = (xml: string): string =>
  xml.replace(/&(?:#(\d+)|(\w+));/g, (_, code, name) =>
    code ? String.fromCodePoint(Number(code)) : (ENTITIES[name] ?? '?'),
  );

const textsIn = (svg: string): string[] =>
  [...svg.matchAll(/<text[^>]*>(.*?)<\/text>/g)].map(([, text = '']) => unescaped(text));

test('DOT becomes an SVG document, and so does anything that can tell its DOT', async () => {
  const svg = await toSvg('digraph { a -> b }');
  expect(svg).toContain('<svg ');
  expect(textsIn(svg)).toEqual(['a', 'b']);
  expect(await toSvg({ toDot: () => 'digraph { a -> b }' })).toBe(svg);
});

test('every hostile name is a node with that text, joined as the graph says', async () => {
  const tasks = HOSTILE_NAMES.map(
    (name, index): TaskView => ({
      name,
      kind: 'task',
      dependsOn: HOSTILE_NAMES.slice(Math.max(0, index - 1), index),
      state: 'failed',
      attempts: 1,
      startedAt: 0,
      reason: name,
    }),
  );
  const svg = await toSvg(dotOf({ name: 'job "x" \\G <y>', tasks }));
  expect(textsIn(svg).sort()).toEqual([...HOSTILE_NAMES, 'job "x" \\G <y>'].sort());
  expect(svg.match(/class="node"/g)).toHaveLength(HOSTILE_NAMES.length);
  expect(svg.match(/class="edge"/g)).toHaveLength(HOSTILE_NAMES.length - 1);
  // Of two spaces, Graphviz writes one that XML does not fold.
  const tooltips = [...svg.matchAll(/xlink:title="([^"]*)"/g)].map(([, title = '']) =>
    unescaped(title).replaceAll('\u00a0', ' '),
  );
  for (const name of HOSTILE_NAMES) {
    expect(tooltips).toContain(`State: failed\nStartAt: 1970-01-01T00:00:00.000Z\nAttempts: 1\nReason: ${name}`);
  }
});

test('an empty graph is a picture too', async () => {
  expect(textsIn(await toSvg(dotOf({ name: 'nothing', tasks: [] })))).toEqual(['nothing']);
});

test('what is not DOT is refused with the words of Graphviz', async () => {
  await expect(toSvg('digraph {')).rejects.toThrow(/syntax error/);
});
