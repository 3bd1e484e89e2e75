import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { readlinkSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { Writable } from 'node:stream';
import { type AnyTaskSpec, type JobEvent, jobFrom, notReady, type StartOptions, type TaskScope } from 'tintype';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { afterAll, afterEach, beforeAll, describe, expect, test, vi } from 'vitest';
import { jobProgress } from '../../src/cli/attend/job-progress.ts';
import { recordedTimeLeft } from '../../src/cli/live/estimate.ts';
import { type FrameOptions, liveFrame, type Panels } from '../../src/cli/live/frame.ts';
import { createLiveRecorder, type LivePlan } from '../../src/cli/live/state.ts';
import { createLiveView, type LiveViewOptions, wantsLiveView } from '../../src/cli/live/view.ts';
import type { OutputStream } from '../../src/cli/terminal/io.ts';
import { textWidth } from '../../src/events/text-width.ts';
import { outputGate } from '../../src/executors/process/output-gate.ts';
import { buildCli, workflowFile } from '../support/cli.ts';
import { createEmulator, openTerminal, type TerminalSize, terminalStream } from '../support/terminal.ts';

const ESC = String.fromCharCode(27);
/** All of a picture, from the mark at its beginning to that at its end. */
const PICTURE = new RegExp(`${ESC}\\[\\?2026h.*?${ESC}\\[\\?2026l`, 'gs');
/** What clears or leaves the screen, scrolls it, or goes to a place of it. */
const ELSEWHERE = new RegExp(`${ESC}(c|\\[([123]J|\\d*;?\\d*[Hf]|\\d*[ST]|\\?1049))`);
/** U+202E, which turns the direction of writing. */
const LEFTWARDS = String.fromCharCode(0x202e);

/** What a task does: prints lines at once, then takes its time. */
const takes =
  (ms: number, ...output: readonly string[]) =>
  async ({ log }: TaskScope, clock: VirtualClock): Promise<void> => {
    for (const line of output) log.info(line);
    await new Promise<void>((resolve) => clock.setTimer(resolve, ms));
  };

const fails = (ms: number, message: string, ...output: readonly string[]) => {
  const work = takes(ms, ...output);
  return async (scope: TaskScope, clock: VirtualClock): Promise<void> => {
    await work(scope, clock);
    throw new Error(message);
  };
};

type Work = (scope: TaskScope, clock: VirtualClock) => unknown;
type Task = { readonly work: Work; readonly dependsOn?: readonly string[]; readonly maxRetries?: number };

const functions = (tasks: Readonly<Record<string, Work | Task>>, clock: VirtualClock): AnyTaskSpec[] =>
  Object.entries(tasks).map(([name, task]) => {
    const { work, ...options } = typeof task === 'function' ? { work: task } : task;
    return { name, run: (scope: TaskScope) => work(scope, clock) as Promise<undefined>, ...options } as AnyTaskSpec;
  });

const open = new Set<() => void>();
afterEach(() => {
  for (const stop of open) stop();
  open.clear();
});

type Scene = Partial<LiveViewOptions & TerminalSize> & { readonly options?: StartOptions };

/** A job that really runs, on a clock turned by hand, shown on a terminal in memory. */
const show = (tasks: (clock: VirtualClock) => readonly AnyTaskSpec[], scene: Scene = {}) => {
  const { columns = 80, rows = 24, options, ...rest } = scene;
  const clock = virtualClock(Date.UTC(2024, 0, 1));
  const terminal = terminalStream({ columns, rows });
  const definition = jobFrom('job', tasks(clock));
  const upstream = new Map(definition.tasks.map(({ name, dependsOn }) => [name, dependsOn]));
  const names = definition.tasks.map(({ name }) => name);
  const progress = jobProgress(names);
  const job = definition.start({}, { clock, onFailure: 'continue', ...options });
  const view = createLiveView(
    {
      names,
      upstream: (name) => upstream.get(name) ?? [],
      isExternal: (name) => name.startsWith('external'),
      sensor: (name) => {
        const task = definition.tasks.find((one) => one.name === name);
        return task?.kind === 'sensor' ? { deadlineMs: task.deadline } : undefined;
      },
    },
    progress,
    { stream: terminal, env: { NO_COLOR: '1' }, verbose: false, progress$: job.progress$, clock, ...rest },
  );
  open.add(view.stop);
  job.events$.subscribe((event) => {
    progress.event(event);
    view.event(event);
  });
  return {
    job,
    view,
    terminal,
    clock,
    /** Lets time pass, and answers what is seen then, times of day left out. */
    pass: async (ms: number): Promise<string> => {
      await clock.advance(ms);
      await terminal.shown();
      return seen(terminal.emulator.text());
    },
    stopped: async (): Promise<string> => {
      view.stop();
      await terminal.shown();
      return seen(terminal.emulator.text());
    },
  };
};

const showTasks = (tasks: Readonly<Record<string, Work | Task>>, scene?: Scene) =>
  show((clock) => functions(tasks, clock), scene);

const seen = (text: string): string => text.replace(/\d\d:\d\d:\d\d\.\d{3}/g, 'hh:mm:ss.mmm');

describe('the live part', () => {
  test('shows what runs with its time and its last line of output, and how far the job is', async () => {
    const { pass } = showTasks({
      extract: takes(3000, 'Extracting', 'page 1 of 9', '', '   '),
      load: takes(60_000),
      clean: { work: takes(1000), dependsOn: ['extract'] },
    });
    expect(await pass(1_300)).toBe(
      `
• extract  1.2s  page 1 of 9
• load     1.2s
──────────────────────────  0/3  1.2s elapsed`.trimStart(),
    );
    expect(await pass(2_000)).toBe(
      `
• load     3.2s
• clean    0.2s
━━━━━━━━──────────────────  1/3  3.2s elapsed`.trimStart(),
    );
    expect(await pass(12_000)).toBe(
      `
• load      15s
━━━━━━━━━━━━━━━━━─────────  2/3  15s elapsed`.trimStart(),
    );
  });

  test('shows the data of a line behind its message', async () => {
    const { pass } = showTasks({
      reserve: async (scope, clock) => {
        scope.log.info('reserving', { order: 7 });
        await takes(3000)(scope, clock);
      },
    });
    expect(await pass(1_300)).toContain('• reserve  1.2s  reserving {"order":7}\n');
  });

  test('shows so many tasks as fit, those that run longest first', async () => {
    const tasks = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`task_${index}`, takes(60_000)]));
    const large = await showTasks(tasks).pass(100);
    expect(large.split('\n')).toHaveLength(22);
    expect(large).toContain('• task_0   0.0s\n• task_1   0.0s\n');
    expect(large).toContain('• task_19  0.0s\n… and 30 more running\n──');
    expect(await showTasks(tasks, { rows: 60 }).pass(100)).toContain('• task_49  0.0s\n──');
    const small = await showTasks(tasks, { columns: 40, rows: 8 }).pass(100);
    expect(small).toBe(
      `
• task_0   0.0s
• task_1   0.0s
• task_2   0.0s
• task_3   0.0s
… and 46 more running
─────────────   0/50  0.0s elapsed`.trimStart(),
    );
    expect(await showTasks(tasks, { columns: 40, rows: 3 }).pass(100)).toMatch(/^… 50 running\n──.*0\/50/);
    expect(await showTasks(tasks, { columns: 40, rows: 1 }).pass(100)).toBe('');
  });

  test('tells what waits for time or for somebody outside, where there is room', async () => {
    const { pass } = show(
      (clock) => [
        ...functions({ build: { work: fails(100, 'no disk'), maxRetries: 1 }, test: takes(9000, 'ok') }, clock),
        { kind: 'external', name: 'external review' },
        { kind: 'sensor', name: 'file', check: () => false, interval: 5000 },
        { kind: 'sensor', name: 'quote', check: () => false, interval: 60_000, deadline: 600_000 },
      ],
      { options: { retry: { delayMs: 8000, jitter: 'none' } } },
    );
    const screen = await pass(300);
    expect(screen).toContain('hh:mm:ss.mmm  build            retrying in 8.0s: no disk\n');
    expect(screen).toContain('• build            0.2s  retrying in 8s\n');
    expect(screen).toContain('• test             0.2s  ok\n');
    expect(screen).toContain('• external review  0.2s  waiting for somebody outside\n');
    expect(screen).toContain('• file             0.2s  waited 0.2s, polling again in 5s\n');
    expect(screen).toContain('• quote            0.2s  waited 0.2s of 10m, polling again in 60s\n');
    expect(await pass(125_000)).toContain('• quote            2m 05s  waited 2m 05s of 10m, polling again in 55s\n');
  });

  test('shows instances and nested tasks under their paths, and counts the tasks of the file', async () => {
    const inner = (clock: VirtualClock) => jobFrom('inner', functions({ step: takes(9000, 'in it') }, clock));
    const { pass } = show((clock) => [
      { kind: 'job', name: 'outer', definition: inner(clock) },
      {
        kind: 'map',
        name: 'each',
        over: [100, 5000, 5000],
        each: ({ item }: { item: number }) => new Promise<void>((resolve) => clock.setTimer(resolve, item)),
      } as unknown as AnyTaskSpec,
    ]);
    expect(await pass(300)).toBe(
      `
• outer       0.2s  0 of 1 done
• outer/step  0.2s  in it
• each        0.2s  1 of 3 done
• each[1]     0.2s
• each[2]     0.2s
──────────────────────────  0/2  0.2s elapsed`.trimStart(),
    );
  });

  test('tells the deadline of a sensor in a narrow window too', async () => {
    const sensor = { kind: 'sensor', name: 'rows_of_yesterday', check: () => false, interval: 9000, deadline: 600_000 };
    const at = (columns: number) => show(() => [sensor as AnyTaskSpec], { columns }).pass(125_000);
    expect(await at(80)).toContain('  waited 2m 04s of 10m, polling again');
    expect(await at(54)).toMatch(/ {2}waited 2m 04s of 10m$/m);
    expect(await at(40)).toMatch(/ {2}2m 04s of 10m$/m);
  });

  test('leaves its panels the rows that nothing else needs, and counts what there is no row for', () => {
    const names = Array.from({ length: 60 }, (_, index) => `t${index}`);
    const { state, counts, record } = follow({ names, upstream: () => ['t9'], isExternal: () => false });
    const begin = (task: string) =>
      ({ type: 'task.transition', task, from: 'ready', to: 'running', attempt: 1 }) as const;
    const done = names
      .slice(0, 9)
      .flatMap((task) => [
        begin(task),
        { type: 'task.transition', task, from: 'running', to: 'completed', attempt: 1 } as const,
      ]);
    const waits = names.slice(10).map((task) => ({ type: 'task.transition', task, from: 'unscheduled', to: 'ready' }));
    for (const event of events([...done, begin('t9'), ...waits] as Fact[])) record(event);
    const frame = (panels: Pick<Panels, 'waiting' | 'done'>, rows = 34) =>
      liveFrame(state, { ...look, counts: counts(), rows, panels: { help: false, ...panels } }).slice(0, -1);
    const waiting = frame({ waiting: true, done: false });
    expect(waiting).toHaveLength(30);
    expect(waiting.slice(-2)).toEqual([expect.stringMatching(/^• t37 .*turn$/), '… and 22 more not started']);
    expect(frame({ waiting: true, done: false }, 70)).toHaveLength(51);
    expect(frame({ waiting: false, done: true })).toHaveLength(10);
    const both = frame({ waiting: true, done: true });
    expect([both.length, both[0], both[9]]).toEqual([
      30,
      expect.stringContaining('t0 '),
      expect.stringContaining('t9 '),
    ]);
    expect(both.at(-1)).toBe('… and 31 more not started');
  });

  test('is never wider or taller than the window, whatever is in it', async () => {
    const names = ['数据🚀'.repeat(20), 'x'.repeat(200), 'e\u0301'.repeat(50), 'short', 'ready'];
    const { state, counts, record } = follow({ names, upstream: () => [], isExternal: () => true });
    for (const event of events([
      { type: 'job.transition', from: 'idle', to: 'running' },
      ...names
        .slice(0, 4)
        .flatMap((task) => [
          { type: 'task.transition', task, from: 'ready', to: 'running', attempt: 2 } as const,
          { type: 'task.log', task, attempt: 2, level: 'info', message: `${'进度👍\t'.repeat(2000)}` } as const,
        ]),
      { type: 'task.transition', task: 'short', from: 'running', to: 'failed', attempt: 2 },
      { type: 'task.transition', task: 'ready', from: 'unscheduled', to: 'ready', attempt: 0 },
    ])) {
      record(event);
    }
    for (let columns = 1; columns < 130; columns++) {
      for (const rows of [1, 2, 3, 4, 5, 6, 7, 24]) {
        for (const panels of [undefined, { waiting: true, done: true, help: true }]) {
          const lines = liveFrame(state, { ...look, counts: counts(), columns, rows, leftMs: 77_000, panels });
          expect(lines.length, `${columns}x${rows}`).toBeLessThan(rows);
          for (const line of lines)
            expect(textWidth(line), `${columns}x${rows} ${line}`).toBeLessThanOrEqual(columns - 1);
        }
      }
    }
  });

  test('lets nothing out of output that moves the cursor or colours on', async () => {
    const output = `${ESC}[31mred${ESC}[2J\b\x07 a\tb ${LEFTWARDS}left ${ESC}]0;title\x07`;
    const { pass, terminal } = showTasks({ ab: takes(5000, output) }, { env: {} });
    expect(await pass(100)).toContain('• ab  0.0s  red␈␇ a b left');
    const others = terminal.writes
      .join('')
      .replaceAll(new RegExp(`${ESC}\\[(\\?[\\d]+[hl]|\\d*[AJK]|[\\d;]*m)`, 'g'), '');
    expect(others).not.toContain(ESC);
    expect(terminal.writes.join('')).not.toMatch(/\[[23]J|31m/);
  });

  test('has no colours with NO_COLOR, and those of the states without it', async () => {
    const plain = showTasks({ a: takes(5000) });
    await plain.pass(100);
    expect(plain.terminal.writes.join('')).not.toMatch(/\[[\d;]*m/);
    const coloured = showTasks({ a: takes(5000) }, { env: {} });
    await coloured.pass(100);
    expect(coloured.terminal.writes.join('')).toContain(`${ESC}[36m•${ESC}[39m`);
  });
});

describe('what is printed above it', () => {
  const output = Array.from({ length: 30 }, (_, index) => `line ${index}`);
  const tasks = {
    bad: fails(500, 'no such table', ...output),
    bad_again: { work: fails(500, 'twice', 'mine'), maxRetries: 1 },
    empty: () => notReady('no data yet'),
    good: takes(400, 'fine'),
    after: { work: takes(1), dependsOn: ['bad'] },
    long: takes(60_000, 'still here'),
  };

  test('is each failure as it happens, with the last lines of its output, and what is not ready', async () => {
    const { pass, stopped } = showTasks(tasks);
    await pass(3000);
    const printed = `
hh:mm:ss.mmm  empty      notReady: no data yet
${output
  .slice(-10)
  .map((line) => `hh:mm:ss.mmm  bad        | ${line}`)
  .join('\n')}
hh:mm:ss.mmm  bad        failed: no such table
hh:mm:ss.mmm  bad_again  retrying: twice
hh:mm:ss.mmm  bad_again  | mine
hh:mm:ss.mmm  bad_again  failed: twice`.trimStart();
    expect(await pass(0)).toBe(
      `${printed}
• long       2.9s  still here
━━━━━━━━━━━━━━━━━━━━━─────  5/6  2 failed  1 not ready  1 skipped  2.9s elapsed`,
    );
    expect(await stopped()).toBe(printed);
  });

  test('is everything that happens and that tasks print when it is verbose', async () => {
    const { pass } = showTasks(tasks, { verbose: true, rows: 60 });
    const screen = await pass(3000);
    for (const line of [
      'good       running',
      'good       | fine',
      'good       completed in 400ms',
      'after      skipped: a task upstream of it failed',
    ]) {
      expect(screen).toContain(`hh:mm:ss.mmm  ${line}`);
    }
    expect(screen.match(/bad {8}\| line/g)).toHaveLength(30);
    expect(screen.split('\n').at(-1)).toMatch(/━─+ {2}5\/6/);
  });

  test('may be wider than the window, and is whole all the same', async () => {
    const message = `${'long '.repeat(60)}end`;
    const { pass, view } = showTasks({ bad: fails(100, message), long: takes(9000) }, { columns: 40, rows: 12 });
    view.print('x'.repeat(40));
    const screen = await pass(1000);
    expect(screen.replaceAll('\n', '')).toContain(message);
    expect(screen).toMatch(/^x{40}\n/);
    expect(screen).toMatch(/\n• long {2}0\.9s\n━+─+ {2}1\/2 {2}1 failed {2}0\.9s$/);
  });

  test('comes out after the live part has been stopped, too', async () => {
    const { pass, view, stopped, terminal } = showTasks({ a: takes(9000) });
    await pass(200);
    view.print('interrupted');
    expect(await stopped()).toBe('interrupted');
    view.print('late');
    expect(await stopped()).toBe('interrupted\nlate');
    expect(terminal.emulator.isCursorShown()).toBe(true);
    expect(terminal.emulator.cursor()).toEqual({ column: 0, row: 2 });
  });
});

describe('drawing', () => {
  const many = (count: number): Readonly<Record<string, Work>> =>
    Object.fromEntries(
      Array.from({ length: count }, (_, index) => [`task_${index}`, takes(100 + (index % 50) * 37, `out ${index}`)]),
    );

  test.each([
    10, 5000,
  ])('of %i tasks happens in whole pictures, a few rows each, twelve times a second', async (count) => {
    const { clock, terminal, job, stopped } = showTasks(
      { ...many(count), bad: fails(50, 'broken', 'why'), long: takes(3000) },
      { options: { maxConcurrency: 16 } },
    );
    await clock.advance(2000);
    await terminal.shown();
    expect(terminal.writes.length).toBeLessThanOrEqual(2000 / 80);
    for (const text of terminal.writes) {
      // One write is one picture: nothing of it is outside of the synchronized output.
      expect(text.startsWith(`${ESC}[?2026h`) && text.endsWith(`${ESC}[?2026l`)).toBe(true);
      expect(text.indexOf(`${ESC}[?2026l`)).toBe(text.length - `${ESC}[?2026l`.length);
      expect(text.length).toBeLessThan(24 * 80);
      expect(text).not.toMatch(ELSEWHERE);
    }
    for (const picture of terminal.pictures) expect(picture).toMatch(/\n[━─]+ +\d+\/\d+/);
    job.cancel();
    await stopped();
  });

  test('rewrites only the rows that changed', async () => {
    const { pass, terminal } = showTasks({ first: takes(90_000, 'steady'), second: takes(90_000) });
    await pass(20_500);
    const before = terminal.writes.length;
    await pass(1_000);
    const text = terminal.writes.slice(before).join('');
    // Times of long tasks are whole seconds: one picture in this one.
    expect(terminal.writes.length - before).toBe(1);
    expect(text).toContain('21s');
    expect(text.length).toBeLessThan(300);
    const calm = terminal.writes.length;
    await pass(400);
    expect(terminal.writes.length).toBe(calm);
  });

  test('costs no more for lines than to note them: 100,000 lines are one write', async () => {
    const { view, terminal, pass, job } = showTasks({ a: takes(9000), b: takes(9000) });
    await pass(100);
    const before = terminal.writes.length;
    const [noise] = events([{ type: 'task.log', task: 'a', attempt: 1, level: 'info', message: 'noise' }]);
    for (let count = 0; count < 100_000; count++) view.event(noise as JobEvent);
    expect(terminal.writes.length).toBe(before);
    const [detail] = events([{ type: 'task.log', task: 'a', attempt: 1, level: 'debug', message: 'detail' }]);
    view.event(detail as JobEvent);
    expect(await pass(80)).toContain('• a  0.1s  noise');
    expect(terminal.writes.length).toBe(before + 1);
    job.cancel();
  });

  test('does not wait for its time with more than 256 KB to print', async () => {
    const { view, terminal, pass } = showTasks({ a: takes(9000) });
    await pass(100);
    const before = terminal.writes.length;
    for (let count = 0; count < 300; count++) view.print('x'.repeat(1000));
    expect(terminal.writes.length).toBe(before + 1);
    expect(terminal.writes.at(-1)).toContain('• a');
    expect((await pass(80)).match(/^x+/gm)).toHaveLength(300 * 13);
  });

  test('is the work of the rows shown, not of the tasks there are', () => {
    const styled = (count: number): number => {
      const names = Array.from({ length: count }, (_, index) => `task_${String(index).padStart(5, '0')}`);
      const { state, counts, record } = follow({ names, upstream: () => [] });
      const visited = vi.spyOn(state.live, 'values');
      for (const event of events(
        names.map((task) => ({ type: 'task.transition', task, from: 'ready', to: 'running', attempt: 1 }) as const),
      )) {
        record(event);
      }
      let calls = 0;
      const style = (_format: unknown, text: string): string => {
        calls++;
        return text;
      };
      liveFrame(state, { ...look, counts: counts(), style });
      expect(visited).toHaveBeenCalledTimes(1);
      return calls;
    };
    expect(styled(5000)).toBe(styled(50));
  });

  test('waits while the terminal takes no more, and so do the processes when all is printed', async () => {
    let release = (): void => {};
    const writes: string[] = [];
    const stream = Object.assign(
      new Writable({
        decodeStrings: false,
        highWaterMark: 10,
        write: (text: string, _encoding, written) => {
          writes.push(text);
          release = written;
        },
      }),
      { isTTY: true, columns: 80, rows: 24 },
    );
    const gate = outputGate();
    const { clock, view } = showTasks({ a: takes(9000), b: takes(9000) }, { stream, gate });
    await clock.advance(100);
    expect(writes).toHaveLength(1);
    expect(gate.isOpen()).toBe(false);
    view.print('x'.repeat(300_000));
    await clock.advance(2000);
    expect(writes).toHaveLength(1);
    release();
    await clock.advance(100);
    expect(gate.isOpen()).toBe(false);
    expect(writes).toHaveLength(2);
    expect(writes[1]).toContain('x'.repeat(300_000));
    release();
    await clock.advance(0);
    expect(gate.isOpen()).toBe(true);
    view.stop();
  });

  test.each([
    { from: { columns: 80, rows: 24 }, to: { columns: 40, rows: 24 } },
    { from: { columns: 40, rows: 10 }, to: { columns: 100, rows: 30 } },
    { from: { columns: 80, rows: 24 }, to: { columns: 60, rows: 8 } },
  ])('is right after a resize: $from.columns x $from.rows to $to.columns x $to.rows', async ({ from, to }) => {
    const long = takes(90_000, 'a line of output that takes most of the window, as lines tend to do in practice');
    const { pass, terminal, view } = showTasks({ a: long, b: long, c: long }, from);
    for (const line of ['first', 'second', 'third']) view.print(line);
    await pass(1000);
    terminal.resizeTo(to);
    await pass(1000);
    terminal.resizeTo(from);
    terminal.resizeTo(to);
    const screen = await pass(1000);
    expect(screen).toMatch(/^first\nsecond\nthird\n• a .*\n• b .*\n• c .*\n─+ {2}0\/3 {2}2\.9s( elapsed)?$/);
  });

  test('leaves the terminal as it should be, on any way out', async () => {
    const listeners = process.listenerCount('exit');
    const { pass, terminal, view } = showTasks({ a: takes(9000) });
    await pass(100);
    expect(terminal.emulator.isCursorShown()).toBe(false);
    expect(process.listenerCount('exit')).toBe(listeners + 1);
    const atExit = process.listeners('exit').at(-1) as () => void;
    atExit();
    await terminal.shown();
    expect(terminal.emulator.isCursorShown()).toBe(true);
    expect(terminal.emulator.text()).toBe('');
    const writes = terminal.writes.length;
    view.stop();
    await pass(1000);
    expect(terminal.writes.length).toBe(writes);
    expect(process.listenerCount('exit')).toBe(listeners);
  });

  test('ends with the terminal', async () => {
    const { pass, terminal, view, clock } = showTasks({ a: takes(9000) });
    await pass(100);
    terminal.destroy(new Error('EIO'));
    await pass(0);
    const writes = terminal.writes.length;
    view.print('nobody reads this');
    await pass(500);
    view.stop();
    expect(terminal.writes.length).toBe(writes);
    expect(clock.pending()).toBe(1);
  });

  test('a job that ends at once leaves nothing', async () => {
    const { job, stopped, terminal } = showTasks({ a: () => {} });
    await job;
    expect(await stopped()).toBe('');
    expect(terminal.writes).toEqual([]);
  });
});

describe('the estimate', () => {
  test('is shown once there is something to go on, and comes down as the job goes on', async () => {
    const names = Array.from({ length: 10 }, (_, index) => `step_${index}`);
    const chain = Object.fromEntries(
      names.map((name, index) => [name, { work: takes(1000), dependsOn: names.slice(Math.max(0, index - 1), index) }]),
    );
    const { pass } = showTasks(chain);
    expect(await pass(3500)).not.toContain('left');
    const lefts: number[] = [];
    for (let second = 4; second < 10; second++) {
      lefts.push(Number(/about (\d+)s left/.exec(await pass(1000))?.[1]));
    }
    expect(lefts).toEqual([6, 5, 4, 3, 2, 1]);
  });

  test('knows how many tasks run at once', async () => {
    const tasks = Object.fromEntries(Array.from({ length: 40 }, (_, index) => [`task_${index}`, takes(1000)]));
    const { pass } = showTasks(tasks, { options: { maxConcurrency: 4 } });
    expect(await pass(3700)).toMatch(/12\/40 .* elapsed, about 7s left/);
  });

  test('does not jump when a task takes much longer than those before it', () => {
    const plan: LivePlan = {
      names: ['a', 'b', 'c', 'slow', ...Array.from({ length: 10 }, (_, index) => `task_${index}`)],
      upstream: () => [],
    };
    const recorder = follow(plan);
    const estimate = recordedTimeLeft(plan, recorder.state.record, 1);
    const task = (name: string, from: 'ready' | 'running', to: 'running' | 'completed', at: number): void =>
      recorder.record(events([{ type: 'task.transition', task: name, from, to, attempt: 1 }], at)[0] as JobEvent);
    recorder.record(events([{ type: 'job.transition', from: 'idle', to: 'running' }], 0)[0] as JobEvent);
    for (const [index, name] of ['a', 'b', 'c'].entries()) {
      task(name, 'ready', 'running', index * 2000);
      task(name, 'running', 'completed', (index + 1) * 2000);
    }
    task('slow', 'ready', 'running', 6000);
    expect(estimate.leftMs(6000)).toBe(22_000);
    expect(estimate.leftMs(6400)).toBe(21_600);
    expect(estimate.leftMs(86_000)).toBe(20_000 + 80_000 / 5);
    task('slow', 'running', 'completed', 86_000);
    task('task_0', 'ready', 'running', 86_000);
    expect(estimate.leftMs(87_000)).toBe(19_000);
  });

  test('counts with tasks that are added and taken away', async () => {
    const { job, pass } = showTasks(
      Object.fromEntries(Array.from({ length: 5 }, (_, index) => [`task_${index}`, takes(1000)])),
      { options: { maxConcurrency: 1 } },
    );
    await pass(1500);
    job.removeTask('task_4');
    expect(await pass(0)).toContain('1/5');
    expect(await pass(80)).toContain('1/4');
  });
});

describe('a live view is wanted', () => {
  const stream = (isTTY: boolean): OutputStream =>
    Object.assign(new EventEmitter(), { isTTY }) as unknown as OutputStream;
  test.each([
    [true, true, {}],
    [true, true, { NO_COLOR: '1', TERM: 'xterm' }],
    [true, true, { CI: 'false' }],
    [false, false, {}],
    [false, true, { CI: 'true' }],
    [false, true, { CI: '1' }],
    [false, true, { TERM: 'dumb' }],
  ])('%s on a terminal: %s, with %o', (wanted, isTTY, env: Record<string, string>) => {
    expect(wantsLiveView(stream(isTTY), env)).toBe(wanted);
  });
});

describe('tintype run on a terminal', () => {
  // The program as it is published, in a process and a terminal of its own.
  let program = '';
  beforeAll(async () => {
    program = await buildCli();
  }, 60_000);
  afterAll(() => program && rmSync(join(dirname(program), '../..'), { recursive: true, force: true }));

  const run = (
    file: string,
    { env, ...size }: Partial<TerminalSize> & { env?: Record<string, string> } = {},
    ...args: string[]
  ) =>
    openTerminal(process.execPath, [program, 'run', '--no-db', file, ...args], {
      columns: 80,
      rows: 24,
      ...size,
      env: { NO_COLOR: '1', ...env },
    });

  /** A task that prints and then waits until the test makes a file of its name. */
  const held = (name: string, output = '', more = ''): string =>
    `  - { name: ${name}, type: bash, command: "echo ${output}; until [ -e ${name} ]; do sleep 0.01; done"${more} }\n`;
  const release = (file: string, name: string): void => writeFileSync(join(dirname(file), name), '');

  test('shows what runs, and in its place at the end what came of it', async () => {
    const file = workflowFile(
      `name: x\ntasks:\n${held('first', 'Extracting')}${held('second', 'Loading', ', dependencies: [first]')}`,
    );
    const terminal = run(file);
    await terminal.until(/^• first +\d\.\ds {2}Extracting\n─+ {2}0\/2 {2}\d\.\ds elapsed {2}\? keys$/m);
    expect(terminal.isCursorShown()).toBe(false);
    release(file, 'first');
    await terminal.until(/^• second +\d\.\ds {2}Loading\n━+─+ {2}1\/2 {2}\d\.\ds elapsed {2}\? keys$/m);
    release(file, 'second');
    expect((await terminal.ended).exitCode).toBe(0);
    expect(terminal.text()).toMatch(/^\s*TASK +STATE[\s\S]+x completed in .*: 2 completed/);
    expect(terminal.text()).not.toMatch(/[•━─]/);
    expect(terminal.isCursorShown()).toBe(true);
    // Nothing moves the cursor but what is shown at once.
    const outside = terminal.raw().replaceAll(PICTURE, '');
    expect(outside).not.toContain(ESC);
    expect(terminal.raw()).not.toMatch(ELSEWHERE);
  });

  test('shows failures as they happen, above what still runs', async () => {
    const file = workflowFile(
      `name: x\ntasks:\n${held('long')}  - { name: bad, type: bash, command: "seq 1 30; exit 7" }\n`,
    );
    const terminal = run(file);
    await terminal.until(
      /bad +\| 21\n[\s\S]*bad +\| 30\n.*bad +failed: .*code 7.*\n• long .*\n━+─+ {2}1\/2 {2}1 failed/,
    );
    expect(terminal.text()).not.toMatch(/\| 20$/m);
    release(file, 'long');
    expect((await terminal.ended).exitCode).toBe(1);
    expect(terminal.text()).toMatch(/bad +failed: [\s\S]*TASK +STATE/);
  });

  test('prints all that tasks print with --verbose', async () => {
    const file = workflowFile(
      `name: x\ntasks:\n${held('long')}  - { name: chatty, type: bash, command: "seq 1 500" }\n`,
    );
    const terminal = run(file, {}, '--verbose');
    await terminal.until(/chatty +completed in .*\n• long .*\n━+─+ {2}1\/2/);
    for (const line of [1, 250, 500]) expect(terminal.text()).toMatch(new RegExp(`chatty +\\| ${line}$`, 'm'));
    release(file, 'long');
    expect((await terminal.ended).exitCode).toBe(0);
  });

  test.for([
    ['Ctrl-C', 130],
    ['SIGTERM', 143],
  ] as const)('%s leaves the terminal as it should be', async ([how, exitCode]) => {
    const terminal = run(workflowFile(`name: x\ntasks:\n${held('task')}`));
    await terminal.until('• task');
    if (how === 'Ctrl-C') terminal.send('\x03');
    else terminal.kill(how);
    expect((await terminal.ended).exitCode).toBe(exitCode);
    expect(terminal.isCursorShown()).toBe(true);
    expect(terminal.text()).toContain('cancelled, waiting for running tasks to end');
    expect(terminal.text()).toMatch(/^task +cancelled/m);
    expect(terminal.text()).not.toMatch(/[•━─]/);
  });

  /** The mode of the terminal of a process: whether it makes signals of keys, takes whole lines, and echoes. */
  const modeOf = (pid: number): string =>
    execFileSync('stty', ['-a', '-F', readlinkSync(`/proc/${pid}/fd/0`)], { encoding: 'utf8' })
      .match(/-?\b(isig|icanon|echo)(?= |$)/gm)
      ?.join(' ') ?? '';
  const COOKED = 'isig icanon echo';

  /** Opens a terminal whose shell runs `script`, with `tintype run` of the file as its arguments. */
  const inShell = (script: string, file: string) =>
    openTerminal('bash', ['-c', script, '-', process.execPath, program, 'run', '--no-db', file], {
      columns: 80,
      rows: 24,
      env: { NO_COLOR: '1' },
    });

  test('keys show what is done and what waits, and which keys there are', async () => {
    const file = workflowFile(
      `name: x\ntasks:\n${held('first')}${held('second', '', ', dependencies: [first]')}${held('third', '', ', dependencies: [first, second]')}`,
    );
    release(file, 'first');
    const terminal = run(file);
    await terminal.until(/^• second .*\n━+─+ {2}1\/3 .* \? keys$/m);
    terminal.send('w');
    await terminal.until(/^• second .*\n• third +waits for second\n━+─+ {2}1\/3/m);
    terminal.send('d');
    await terminal.until(/^• first +[\d.]+s {2}completed\n• second .*\n• third +waits for second\n━+─+ {2}1\/3/m);
    terminal.send('?');
    await terminal.until(/elapsed\nw what waits, d what is done, \? these keys, Ctrl-C cancels$/m);
    terminal.send('wd?');
    await terminal.until(/^• second .*\n━+─+ {2}1\/3 .* \? keys\s*$/m);
    expect(terminal.screen().join('\n')).not.toMatch(/first|third/);
    release(file, 'second');
    release(file, 'third');
    expect((await terminal.ended).exitCode).toBe(0);
  });

  test
    .runIf(process.platform === 'linux')
    .for(['the end', 'Ctrl-C', 'Ctrl-C three times', 'SIGTERM', 'SIGHUP', 'Ctrl-\\', 'Ctrl-Z'])(
    'the terminal has its mode again after %s',
    async (way) => {
      const file = workflowFile(`name: x\ntasks:\n${held('task')}`);
      // A shell keeps the terminal open, and tells when the program has ended.
      const shell = inShell('set -m; ulimit -c 0; "$@"; echo "code $?"; read -r line', file);
      await shell.until('• task');
      expect(modeOf(shell.pid)).toBe('-isig -icanon -echo');
      const pid = Number(execFileSync('pgrep', ['-P', String(shell.pid)]).toString());
      expect(pid).toBeGreaterThan(1);
      if (way === 'the end') release(file, 'task');
      else if (way === 'Ctrl-Z') shell.send('\x1a');
      else if (way === 'Ctrl-\\') shell.send('\x1c');
      else if (way.startsWith('Ctrl-C')) shell.send('\x03'.repeat(way === 'Ctrl-C' ? 1 : 3));
      else process.kill(pid, way as NodeJS.Signals);
      await shell.until(/code \d+/);
      expect(modeOf(shell.pid)).toBe(COOKED);
      expect(shell.isCursorShown()).toBe(true);
      if (way === 'Ctrl-Z') process.kill(pid, 'SIGKILL');
      shell.send('\r');
      await shell.ended;
    },
  );

  test.runIf(process.platform === 'linux')(
    'in the background it reads no keys, and is not stopped by them',
    async () => {
      const file = workflowFile(`name: x\ntasks:\n${held('task')}`);
      const shell = inShell('set -m; "$@" & read -r line; echo "read $line"; wait; echo "code $?"', file);
      await shell.until(/• task.*\n─+ {2}0\/1 .*elapsed$/m);
      expect(modeOf(shell.pid)).toBe(COOKED);
      shell.send('w\r');
      await shell.until('read w');
      release(file, 'task');
      await shell.until('code 0');
      await shell.ended;
    },
  );

  test('Ctrl-Z hands the terminal back to the shell, and it goes on when it may', async () => {
    const file = workflowFile(`name: x\ntasks:\n${held('task')}`);
    const terminal = run(file);
    await terminal.until('• task');
    terminal.send('\x1a');
    await expect.poll(() => execFileSync('ps', ['-o', 'state=', '-p', `${terminal.pid}`]).toString()).toMatch(/^T/);
    await expect.poll(terminal.isCursorShown).toBe(true);
    expect(terminal.text()).not.toMatch(/[•━─]/);
    terminal.kill('SIGCONT');
    await terminal.until('• task');
    release(file, 'task');
    expect((await terminal.ended).exitCode).toBe(0);
    expect(terminal.text()).toMatch(/^task +completed/m);
  });

  test('fits the window when that changes', async () => {
    const file = workflowFile(
      `name: x\ntasks:\n${Array.from({ length: 9 }, (_, index) => held(`task_${index}`, 'word '.repeat(20))).join('')}`,
    );
    const terminal = run(file, { columns: 100, rows: 30 }, '-w', '9');
    await terminal.until('• task_8');
    terminal.resize({ columns: 40, rows: 8 });
    await terminal.until(/^… and 5 more running\n─+ {2}0\/9/m);
    terminal.resize({ columns: 60, rows: 20 });
    await terminal.until(/• task_8 .*\n─+ {2}0\/9 .*elapsed/);
    expect(terminal.screen().filter((line) => line.includes('0/9'))).toHaveLength(1);
    terminal.send('\x03');
    await terminal.ended;
  });

  test('leaves nothing behind in tmux, which keeps what is erased from the top of the window on', async () => {
    const tasks = Object.fromEntries(Array.from({ length: 50 }, (_, index) => [`task_${index}`, takes(60_000)]));
    const { pass, terminal, stopped } = showTasks(tasks, { columns: 60, rows: 12 });
    expect(await pass(200)).toMatch(/^• task_0 /);
    terminal.resizeTo({ columns: 80, rows: 20 });
    expect(await pass(200)).toMatch(/^• task_0 /);
    expect(await stopped()).toBe('');
    expect(terminal.emulator.wasErasedWhole()).toBe(false);
  });

  test('shows a picture of hundreds of quick tasks without a gap', async () => {
    const tasks = Array.from({ length: 150 }, (_, index) => `  - { name: t${index}, type: bash, command: "true" }\n`);
    const terminal = run(workflowFile(`name: x\ntasks:\n${tasks.join('')}`), { columns: 60, rows: 10 }, '-w', '8');
    expect((await terminal.ended).exitCode).toBe(0);
    const emulator = createEmulator({ columns: 60, rows: 10 });
    const pictures: string[] = [];
    for (const picture of terminal.raw().match(PICTURE) ?? []) {
      expect(picture.length).toBeLessThan(60 * 10 * 2);
      await emulator.write(picture);
      pictures.push(emulator.screen().join('\n'));
    }
    // The last one takes the live part away.
    expect(pictures.length).toBeGreaterThan(2);
    for (const picture of pictures.slice(0, -1)) expect(picture).toMatch(/^[━─]+ +\d+\/150 .*$/m);
    expect(pictures.at(-1)?.trim()).toBe('');
  });

  test.each([{ CI: 'true' }, { TERM: 'dumb' }])('prints plain lines where nothing moves: %o', async (env: Record<
    string,
    string
  >) => {
    const terminal = run(join(import.meta.dirname, '../fixtures/workflow/example.yaml'), { env });
    expect((await terminal.ended).exitCode).toBe(0);
    expect(terminal.raw()).not.toContain(ESC);
    expect(terminal.text()).toMatch(/extract +completed in/);
  });
});

/** A recorder whose record takes each event before it, as a command does. */
const follow = (plan: LivePlan) => {
  const { record: job, counts, event: progressed } = jobProgress(plan.names);
  const { state, record } = createLiveRecorder(plan, job);
  return {
    state,
    counts,
    states: () =>
      Object.fromEntries(plan.names.map((name) => [name, job.tasks.get(name)?.state ?? ('unscheduled' as const)])),
    record: (event: JobEvent): void => {
      progressed(event);
      record(event);
    },
  };
};

const look: Omit<FrameOptions, 'counts'> = { columns: 80, rows: 24, nowMs: 12_000, style: (_format, text) => text };

type Fact = Parameters<typeof follow>[0] extends never
  ? never
  : DistributiveOmit<JobEvent, 'jobId' | 'jobName' | 'seq' | 'at'>;
type DistributiveOmit<Union, Key extends PropertyKey> = Union extends unknown ? Omit<Union, Key> : never;

const events = (facts: readonly Fact[], at = 0): JobEvent[] =>
  facts.map((fact, seq) => ({ jobId: 'j', jobName: 'j', seq, at, ...fact }) as JobEvent);
