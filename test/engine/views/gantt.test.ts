import { expect, test } from 'vitest';
import type { Span } from '../../../src/engine/model/attempt-spans.ts';
import { ganttOf } from '../../../src/engine/views/gantt.ts';
import type { GraphView, TaskView } from '../../../src/engine/views/graph-view.ts';
import { HOSTILE_NAMES } from '../../support/hostile-names.ts';
import { shown } from '../../support/mermaid-shown.ts';

const span = (readyAt: number, startedAt?: number, endedAt?: number): Span => ({ readyAt, startedAt, endedAt });

const task = (name: string, spans: readonly Span[], about: Partial<TaskView> = {}): TaskView => ({
  name,
  kind: 'task',
  dependsOn: [],
  state: 'completed',
  spans,
  ...about,
});

const bodyOf = (tasks: readonly TaskView[]): string[] => ganttOf({ name: 'job', tasks }).split('\n').slice(7, -1);

test('waits are grey, attempts coloured and failures red, a section per task in the order of their first ready', () => {
  const view: GraphView = {
    name: 'smoothie',
    tasks: [
      task('blend', [span(3_000, 4_000, 9_000)]),
      task('banana', [span(0, 0, 3_000)]),
      task('mango', [span(0, 500, 1_000), span(2_000, 2_000, 2_500), span(2_600, 2_700, 3_000)], { attempts: 3 }),
      task('serve', [], { state: 'skipped' }),
      { name: 'pay', kind: 'task', dependsOn: [], state: 'unscheduled' },
    ],
  };
  expect(ganttOf(view)).toBe(`gantt
  %%{init: {"gantt": {"leftPadding": 75}}}%%
  title smoothie
  dateFormat x
  axisFormat %H:%M:%S
  tickInterval 2second
  todayMarker off
  section banana
  running 3s :active, 0, 3000
  section mango
  waiting 500ms :done, 0, 500
  failed 500ms (attempt 1) :crit, 500, 1000
  failed 500ms (attempt 2) :crit, 2000, 2500
  waiting 100ms :done, 2600, 2700
  running 300ms (attempt 3) :active, 2700, 3000
  section blend
  waiting 1s :done, 3000, 4000
  running 5s :active, 4000, 9000
`);
});

test('the last attempt is named by how its task ended', () => {
  const ends = (['failed', 'cancelled', 'notReady', 'running'] as const).map((state) =>
    task(state, [span(0, 0, 1_000)], { state, startedAt: 0, durationMs: 1_000 }),
  );
  expect(bodyOf(ends).filter((line) => !line.includes('section'))).toEqual([
    '  failed 1s :crit, 0, 1000',
    '  cancelled 1s :active, 0, 1000',
    '  not ready 1s :active, 0, 1000',
    '  running 1s :active, 0, 1000',
  ]);
});

test('a task cancelled while it waits to retry had a failed attempt', () => {
  const cancelled = task('a', [span(0, 0, 400)], { state: 'cancelled', startedAt: 0, durationMs: 1_000 });
  expect(bodyOf([cancelled])).toEqual(['  section a', '  failed 400ms :crit, 0, 400']);
  expect(bodyOf([{ ...cancelled, state: 'retrying' }])).toContain('  failed 400ms :crit, 0, 400');
});

test('the looks of a sensor before the last have not failed', () => {
  const sensor = task('file', [span(0, 0, 100), span(1_000, 1_000, 1_100)], { kind: 'sensor' });
  expect(bodyOf([sensor])).toEqual([
    '  section file',
    '  running 100ms (poll 1) :active, 0, 100',
    '  running 100ms (poll 2) :active, 1000, 1100',
  ]);
});

test('what never started waited until it ended, and what has not ended lasts until the chart does', () => {
  const tasks = [
    task('a', [span(0, 0, 100)]),
    task('b', [span(20, undefined, 80)]),
    task('c', [span(30)]),
    task('d', [span(40, 50)]),
  ];
  expect(bodyOf(tasks).filter((line) => !line.includes('section'))).toEqual([
    '  running 100ms :active, 0, 100',
    '  waiting 60ms :done, 20, 80',
    '  waiting 70ms :done, 30, 100',
    '  waiting 10ms :done, 40, 50',
    '  running 50ms :active, 50, 100',
  ]);
});

test('a bar too short to be seen is a diamond', () => {
  expect(bodyOf([task('a', [span(0, 0, 0), span(500, 501, 1_000)])])).toEqual([
    '  section a',
    '  failed 0ms (attempt 1) :milestone, crit, 0, 0',
    '  waiting 1ms :milestone, done, 500, 501',
    '  running 499ms (attempt 2) :active, 501, 1000',
  ]);
  expect(bodyOf([task('a', [span(7, 7, 7)])])).toContain('  running 0ms :milestone, active, 7, 7');
});

test('times are whole milliseconds', () => {
  expect(bodyOf([task('a', [span(0.4, 1.5, 9.7)])])).toEqual([
    '  section a',
    '  waiting 1ms :done, 0, 2',
    '  running 8ms :active, 2, 10',
  ]);
});

test('a job in which nothing was ready is a chart without bars', () => {
  expect(ganttOf({ name: 'nothing', tasks: [] })).toBe(`gantt
  %%{init: {"gantt": {"leftPadding": 75}}}%%
  title nothing
  dateFormat x
  axisFormat %H:%M:%S.%L
  tickInterval 1millisecond
  todayMarker off
`);
});

test.each([
  [40, '%H:%M:%S.%L', '5millisecond'],
  [50_000, '%H:%M:%S', '10second'],
  [30 * 60_000, '%H:%M', '5minute'],
  [36 * 3_600_000, '%m-%d %H:%M', '6hour'],
  [60 * 86_400_000, '%Y-%m-%d', '2week'],
  [50_000 * 86_400_000, '%Y-%m-%d', '12month'],
])('the axis of %d ms is marked with %s every %s', (lengthMs, axisFormat, tickInterval) => {
  const chart = ganttOf({ name: 'job', tasks: [task('a', [span(0, 0, lengthMs)])] });
  expect(chart).toContain(`\n  axisFormat ${axisFormat}\n  tickInterval ${tickInterval}\n`);
});

test('there is room for long names, which are broken into rows', () => {
  const chart = ganttOf({
    name: 'job',
    tasks: [task('a name that takes more than one row to write', [span(0, 0, 1)])],
  });
  expect(chart).toContain('"leftPadding": 226}');
  expect(chart).toContain('\n  section a name that takes more than one <br/>row to write\n');
});

test('a name that is a number is not one to Mermaid, which would move its section', () => {
  expect(bodyOf([task('10', [span(0, 0, 1)])])[0]).toBe('  section #49;0');
});

test('no hostile name gets out of its title or section', () => {
  for (const name of HOSTILE_NAMES) {
    const [, , title = '', , , , , section = '', bar, end] = ganttOf({
      name,
      tasks: [task(name, [span(0, 0, 1)])],
    }).split('\n');
    expect(title, name).toMatch(/^ {2}title ([^"<>`\\%:;#]|#\w+;)*$/);
    expect(section, name).toMatch(/^ {2}section ([^"<>`\\%:;#]|#\w+;|<br\/>)*$/);
    expect(shown(title.slice(8))).toBe(name);
    expect(shown(section.slice(10).replaceAll('<br/>', ''))).toBe(name);
    expect([bar, end]).toEqual(['  running 1ms :active, 0, 1', '']);
  }
});
