import { expect, test } from 'vitest';
import { dotOf } from '../../../src/engine/views/dot.ts';
import type { TaskView } from '../../../src/engine/views/graph-view.ts';
import type { TaskState } from '../../../src/events/event.ts';

const NOON = Date.parse('2024-02-29T12:00:00.000Z');

const task = (name: string, dependsOn: readonly string[] = [], about: Partial<TaskView> = {}): TaskView => ({
  name,
  kind: 'task',
  dependsOn,
  ...about,
});

test('a definition is grey boxes in declaration order, then black edges', () => {
  const tasks = [task('banana'), task('mango'), task('blend', ['mango', 'banana']), task('shop', [], { kind: 'job' })];
  expect(dotOf({ name: 'smoothie', tasks })).toBe(`digraph "smoothie" {
	label = "smoothie"
	labelloc = "t"
	fontname = "Helvetica,Arial,sans-serif"
	newrank = "true"
	node [fontname="Helvetica,Arial,sans-serif" margin="0.2,0.055"]
	"banana" [label="banana" shape=box style=filled tooltip="" fillcolor=gray]
	"mango" [label="mango" shape=box style=filled tooltip="" fillcolor=gray]
	"blend" [label="blend" shape=box style=filled tooltip="" fillcolor=gray]
	"shop" [label="shop" shape=box peripheries=2 style=filled tooltip="" fillcolor=gray]
	"mango" -> "blend" [style=bold tooltip="" color=black]
	"banana" -> "blend" [style=bold tooltip="" color=black]
}
`);
});

test('a job is hexagons coloured by state, with times as tooltips', () => {
  const tasks = [
    task('banana', [], { state: 'completed', attempts: 1, startedAt: NOON, durationMs: 1_250 }),
    task('mango', [], { state: 'failed', attempts: 3, startedAt: NOON, durationMs: 62_000, reason: 'error' }),
    task('blend', ['banana'], { kind: 'map', state: 'running', attempts: 1, startedAt: NOON + 1_250 }),
    task('serve', ['blend', 'mango'], { state: 'skipped', attempts: 0, reason: 'upstreamFailed' }),
  ];
  expect(dotOf({ name: 'smoothie', tasks }).split('\n').slice(6)).toEqual([
    '\t"banana" [label="banana" shape=hexagon style=filled tooltip="State: completed\\nStartAt: 2024-02-29T12:00:00.000Z\\nDuration: 1.25s\\nAttempts: 1" fillcolor=green]',
    '\t"mango" [label="mango" shape=hexagon style=filled tooltip="State: failed\\nStartAt: 2024-02-29T12:00:00.000Z\\nDuration: 1m2s\\nAttempts: 3\\nReason: error" fillcolor=red]',
    '\t"blend" [label="blend" shape=hexagon peripheries=2 style=filled tooltip="State: running\\nStartAt: 2024-02-29T12:00:01.250Z\\nAttempts: 1" fillcolor=yellow]',
    '\t"serve" [label="serve" shape=hexagon style=filled tooltip="State: skipped\\nAttempts: 0\\nReason: upstreamFailed" fillcolor=white]',
    '\t"banana" -> "blend" [style=bold tooltip="Time: 2024-02-29T12:00:01.250Z" color=green]',
    '\t"blend" -> "serve" [style=bold tooltip="" color=black]',
    '\t"mango" -> "serve" [style=bold tooltip="" color=red]',
    '}',
    '',
  ]);
});

test('every state has a colour of its own', () => {
  const states: readonly TaskState[] = [
    'unscheduled',
    'ready',
    'running',
    'retrying',
    'polling',
    'paused',
    'completed',
    'failed',
    'notReady',
    'skipped',
    'cancelled',
  ];
  const dot = dotOf({ name: 'job', tasks: states.map((state) => task(state, [], { state })) });
  const colours = [...dot.matchAll(/fillcolor=(\w+)/g)].map(([, colour]) => colour);
  expect(new Set(colours).size).toBe(states.length);
});

test('a name is shown as it is, whatever it means to Graphviz', () => {
  const dot = dotOf({
    name: '\\G & "co"',
    tasks: [task('a\\N "b" &lt;\n', [], { state: 'ready', reason: 'C:\\New\0\r\n"z"' })],
  });
  expect(dot).toContain('digraph "\\\\G & \\"co\\"" {\n\tlabel = "\\\\G &amp; \\"co\\""\n');
  expect(dot).toContain('[label="a\\\\N \\"b\\" &amp;lt;\\n" ');
  expect(dot).toContain('Reason: C:\\\\\\\\New\uFFFD\\n\\"z\\""');
});

test('an empty graph has no nodes, and an upstream outside the graph no edge', () => {
  expect(dotOf({ name: 'nothing', tasks: [] })).toMatch(
    /^digraph "nothing" \{\n(\t[^"\n]* = .*\n){4}\tnode \[.*\]\n\}\n$/,
  );
  expect(dotOf({ name: 'job', tasks: [task('a', ['elsewhere'])] })).not.toContain('->');
});
