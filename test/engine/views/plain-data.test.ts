import { expect, test } from 'vitest';
import { dotOf } from '../../../src/engine/views/dot.ts';
import { boundaryOf, frontierOf } from '../../../src/engine/views/frontier.ts';
import { ganttOf } from '../../../src/engine/views/gantt.ts';
import type { GraphView, TaskView } from '../../../src/engine/views/graph-view.ts';
import { mermaidOf } from '../../../src/engine/views/mermaid.ts';
import { HOSTILE_NAMES } from '../../support/hostile-names.ts';

const tasks = HOSTILE_NAMES.map(
  (name, index): TaskView => ({
    name,
    kind: 'task',
    dependsOn: HOSTILE_NAMES.slice(Math.max(0, index - 2), index),
    state: index % 3 === 0 ? 'failed' : 'completed',
    spans: [{ readyAt: 1_000 - index, startedAt: 1_000, endedAt: 2_000 }],
  }),
);

const view: GraphView = { name: 'job', tasks };

test.each([
  ['dotOf', dotOf],
  ['mermaidOf', mermaidOf],
  ['ganttOf', ganttOf],
  ['frontierOf', frontierOf],
  ['boundaryOf', boundaryOf],
])('%s gives the same for the same data, and leaves them alone', (_name, viewOf) => {
  const before = JSON.stringify(view);
  const first = JSON.stringify(viewOf(view));
  expect(JSON.stringify(view)).toBe(before);
  expect(JSON.stringify(viewOf(JSON.parse(before) as GraphView))).toBe(first);
});
