import { expect, test } from 'vitest';
import type { TaskView } from '../../../src/engine/views/graph-view.ts';
import { mermaidOf } from '../../../src/engine/views/mermaid.ts';
import { HOSTILE_NAMES } from '../../support/hostile-names.ts';
import { shown } from '../../support/mermaid-shown.ts';

const task = (name: string, dependsOn: readonly string[] = [], about: Partial<TaskView> = {}): TaskView => ({
  name,
  kind: 'task',
  dependsOn,
  ...about,
});

test('a definition is a plain flowchart with a shape for each kind', () => {
  const tasks = [
    task('banana', [], { kind: 'sensor' }),
    task('mango', [], { kind: 'external' }),
    task('blend', ['mango', 'banana']),
    task('serve', ['blend'], { kind: 'map' }),
    task('wash-up', ['serve'], { kind: 'job' }),
  ];
  expect(mermaidOf({ name: 'smoothie', tasks })).toBe(`flowchart TD
  accTitle: smoothie
  t0(["banana"])
  t1[/"mango"/]
  t2["blend"]
  t3{{"serve"}}
  t4[["wash-up"]]
  t1 --> t2
  t0 --> t2
  t2 --> t3
  t3 --> t4
`);
});

test('a job has a class for each state that occurs, always in the same order', () => {
  const tasks = [
    task('a', [], { state: 'failed' }),
    task('b', ['a'], { state: 'skipped' }),
    task('c', [], { state: 'completed' }),
    task('d', [], { state: 'completed' }),
  ];
  expect(mermaidOf({ name: 'job', tasks })).toBe(`flowchart TD
  accTitle: job
  t0["a"]:::failed
  t1["b"]:::skipped
  t2["c"]:::completed
  t3["d"]:::completed
  t0 --> t1
  classDef completed fill:#a5dba7,stroke:#2e7d32,color:#000
  classDef failed fill:#ff9b94,stroke:#b71c1c,color:#000
  classDef skipped fill:#ffffff,stroke:#9e9e9e,stroke-dasharray:4,color:#000
`);
});

test('an empty graph is a valid chart, and an upstream outside the graph has no arrow', () => {
  expect(mermaidOf({ name: 'nothing', tasks: [] })).toBe('flowchart TD\n  accTitle: nothing\n');
  expect(mermaidOf({ name: 'job', tasks: [task('a', ['elsewhere'])] })).not.toContain('-->');
});

test.each([
  ['say "hi"', 'say #quot;hi#quot;'],
  ['"]', '#quot;#93;'],
  ['-->', '#45;-#gt;'],
  ['end', 'end'],
  ['#35;', '#35;35#59;'],
  ['a_b-c, v1.2 (new)', 'a_b-c, v1.2 (new)'],
  ['_it_ `x`', '#95;it#95; #96;x#96;'],
  ['1. list', '1#46; list'],
  ['direction TB', 'directio#110; TB'],
  ['back\\nslash', 'back#92;nslash'],
  ['größe 🎉', 'größe 🎉'],
  ['two\nlines', 'two lines'],
])('the name %j is written as %j', (name, label) => {
  expect(mermaidOf({ name: 'job', tasks: [task(name)] })).toContain(`\n  t0["${label}"]\n`);
});

test('no hostile name gets out of its label', () => {
  const lines = mermaidOf({ name: 'job', tasks: HOSTILE_NAMES.map((name) => task(name)) }).split('\n');
  const labels = lines
    .slice(2, -1)
    .map((line) => /^ {2}t\d+\["([^"[\]{}<>`\\%$:;#]|#\w+;)*"\]$/.exec(line)?.[0] ?? line);
  expect(labels.map((line) => shown(line.slice(line.indexOf('"') + 1, -2)))).toEqual(HOSTILE_NAMES);
});
