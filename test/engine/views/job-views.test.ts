import { type AnyTaskSpec, type Job, jobFrom, notReady, type StartOptions, type TaskState } from 'tintype';
import { toSvg } from 'tintype/svg';
import { type VirtualClock, virtualClock } from 'tintype/testing';
import { beforeEach, describe, expect, test } from 'vitest';
import { barsOf as barsSince } from '../../support/bars-of.ts';
import { HOSTILE_NAMES } from '../../support/hostile-names.ts';

/** Half past nine on the fifth of January 2026. */
const START = Date.UTC(2026, 0, 5, 9, 30);

let clock: VirtualClock;
beforeEach(() => {
  clock = virtualClock(START);
});

const wait = (ms: number): Promise<void> => new Promise((resolve) => clock.setTimer(resolve, ms));
const takes = (ms: number) => (): Promise<void> => wait(ms);
const fails = (ms: number) => async (): Promise<never> => {
  await wait(ms);
  throw new Error('boom');
};
/** Fails in its first attempts, after some ms each, and then takes as long. */
const failsOnce =
  (ms: number, times = 1) =>
  async ({ attempt }: { readonly attempt: number }): Promise<void> => {
    if (ms > 0) await wait(ms);
    if (attempt <= times) throw new Error('boom');
  };

const start = (tasks: readonly AnyTaskSpec[], options: StartOptions = {}): Job =>
  jobFrom('job', tasks).start({}, { clock, onFailure: 'continue', ...options });

/** What DOT says of each task: its attributes by name. */
const nodesOf = (dot: string): Record<string, Record<string, string>> =>
  Object.fromEntries(
    [...dot.matchAll(/^\t"([^"]*)" \[(.*)]$/gm)].map(([, name, attributes = '']) => [
      name,
      Object.fromEntries(
        [...attributes.matchAll(/(\w+)=("[^"]*"|\S+)/g)].map(([, key, value = '']) => [
          key,
          value.replace(/^"|"$/g, ''),
        ]),
      ),
    ]),
  );

const fillsOf = (dot: string): Record<string, string | undefined> =>
  Object.fromEntries(Object.entries(nodesOf(dot)).map(([name, { fillcolor }]) => [name, fillcolor]));

const edgesOf = (dot: string): string[] =>
  [...dot.matchAll(/^\t"([^"]*)" -> "([^"]*)" \[.* color=(\w+)(?: penwidth=4)?]$/gm)].map(
    ([, from, to, color]) => `${from} ${to} ${color}`,
  );

const barsOf = (gantt: string): Record<string, string[]> => barsSince(gantt, START);

const tagsOf = (gantt: string): string[] =>
  [...gantt.matchAll(/:(?:milestone, )?(\w+), \d/g)].map(([, tag = '']) => tag);

/** A task in each state that a running job can show, in the order of the states. */
const everyState = (): AnyTaskSpec[] => [
  { name: 'runs', run: takes(1_000) },
  { name: 'unscheduled', dependsOn: ['runs'], run: () => {} },
  { name: 'waits', pool: 'full', run: takes(1_000) },
  { name: 'holds', pool: 'full', priority: 1, run: takes(1_000) },
  { name: 'retries', maxRetries: 1, retry: { delayMs: 1_000 }, run: fails(0) },
  { name: 'polls', kind: 'sensor', check: () => false, deadline: 5_000 },
  { name: 'paused', kind: 'external', deadline: 5_000 },
  { name: 'done', run: () => {} },
  { name: 'fails', run: fails(0) },
  { name: 'notReady', run: () => notReady('DNS') },
  { name: 'skipped', dependsOn: ['fails'], run: () => {} },
];

const inEveryState = async (): Promise<{ readonly job: Job }> => {
  const job = start(everyState(), { pools: { full: 1 } });
  await clock.advance(10);
  job.task('paused').pause('ann');
  return { job };
};

const STATES: Readonly<Record<string, readonly [state: TaskState, fill: string]>> = {
  runs: ['running', 'yellow'],
  unscheduled: ['unscheduled', 'gray'],
  waits: ['ready', 'lightskyblue'],
  holds: ['running', 'yellow'],
  retries: ['retrying', 'orange'],
  polls: ['polling', 'turquoise'],
  paused: ['paused', 'tan'],
  done: ['completed', 'green'],
  fails: ['failed', 'red'],
  notReady: ['notReady', 'pink'],
  skipped: ['skipped', 'white'],
};

/** One of each kind, the sensor first. */
const everyKind = (): AnyTaskSpec[] => [
  { name: 'file', kind: 'sensor', check: () => true },
  { name: 'load', dependsOn: ['file'], run: takes(20) },
  { name: 'inner', kind: 'job', dependsOn: ['load'], definition: jobFrom('inner', [{ name: 'x', run: takes(30) }]) },
  { name: 'each', kind: 'map', dependsOn: ['load'], over: [1, 2], each: takes(40) },
  { name: 'approval', kind: 'external', dependsOn: ['inner', 'each'] },
];

describe('a definition', () => {
  test('is grey boxes and black edges in DOT, without times, those that hold tasks with a double outline', () => {
    const dot = jobFrom('nightly', everyKind()).toDot();
    const nodes = nodesOf(dot);
    expect(dot).toMatch(/^digraph "nightly" \{\n/);
    expect(Object.keys(nodes)).toEqual(['file', 'load', 'inner', 'each', 'approval']);
    for (const node of Object.values(nodes))
      expect(node).toMatchObject({ shape: 'box', fillcolor: 'gray', tooltip: '' });
    expect(Object.keys(nodes).filter((name) => nodes[name]?.peripheries === '2')).toEqual(['inner', 'each']);
    expect(edgesOf(dot)).toEqual([
      'file load black',
      'load inner black',
      'load each black',
      'inner approval black',
      'each approval black',
    ]);
  });

  test('has a shape for each kind in Mermaid, and no colours', () => {
    expect(jobFrom('nightly', everyKind()).toMermaid()).toBe(`flowchart TD
  accTitle: nightly
  t0(["file"])
  t1["load"]
  t2[["inner"]]
  t3{{"each"}}
  t4[/"approval"/]
  t0 --> t1
  t1 --> t2
  t1 --> t3
  t2 --> t4
  t3 --> t4
`);
  });

  test('stays as it is drawn, whatever its jobs do', async () => {
    const definition = jobFrom('nightly', [{ name: 'a', run: () => {} }]);
    const [dot, mermaid] = [definition.toDot(), definition.toMermaid()];
    const job = definition.start({}, { clock });
    job.addTasks([{ name: 'b', run: () => {} }]);
    await job;
    expect([definition.toDot(), definition.toMermaid()]).toEqual([dot, mermaid]);
    expect(Object.keys(nodesOf(job.toDot()))).toEqual(['a', 'b']);
  });

  test('of nothing is a picture too', () => {
    expect(jobFrom('nothing', []).toMermaid()).toBe('flowchart TD\n  accTitle: nothing\n');
    expect(nodesOf(jobFrom('nothing', []).toDot())).toEqual({});
  });
});

describe('job.toDot()', () => {
  test('colours each task by its state, while the job runs', async () => {
    const { job } = await inEveryState();
    const nodes = nodesOf(job.toDot());
    for (const [name, [state, fill]] of Object.entries(STATES)) {
      expect(nodes[name], name).toMatchObject({ shape: 'hexagon', fillcolor: fill });
      expect(nodes[name]?.tooltip, name).toMatch(new RegExp(`^State: ${state}(\\\\n|$)`));
      expect(job.task(name).state, name).toBe(state);
    }
    await job.cancel();
    expect(fillsOf(job.toDot())).toMatchObject({
      runs: 'orchid',
      retries: 'orchid',
      polls: 'orchid',
      paused: 'orchid',
    });
    expect(fillsOf(job.toDot())).toMatchObject({ unscheduled: 'gray', done: 'green', fails: 'red' });
  });

  test('says in a tooltip the state, the start, the duration, the attempts and the reason', async () => {
    const job = start([
      { name: 'flaky', maxRetries: 2, retry: { delayMs: 1_000 }, run: failsOnce(125) },
      { name: 'bad', run: fails(2_000) },
      { name: 'after', dependsOn: ['bad'], run: () => {} },
    ]);
    expect(nodesOf(job.toDot()).flaky?.tooltip).toBe('State: unscheduled\\nAttempts: 0');
    await clock.advance(100);
    expect(nodesOf(job.toDot()).flaky?.tooltip).toBe(
      'State: running\\nStartAt: 2026-01-05T09:30:00.000Z\\nDuration: 100ms\\nAttempts: 1',
    );
    await clock.runAll();
    const nodes = nodesOf(job.toDot());
    expect(nodes.flaky?.tooltip).toBe(
      'State: completed\\nStartAt: 2026-01-05T09:30:00.000Z\\nDuration: 1.25s\\nAttempts: 2',
    );
    expect(nodes.bad?.tooltip).toBe(
      'State: failed\\nStartAt: 2026-01-05T09:30:00.000Z\\nDuration: 2s\\nAttempts: 1\\nReason: error',
    );
    expect(nodes.after?.tooltip).toBe('State: skipped\\nAttempts: 0\\nReason: upstreamFailed');
  });

  test('does not keep the reason of an earlier attempt while another runs', async () => {
    const job = start([{ name: 'flaky', maxRetries: 1, retry: { delayMs: 10 }, run: failsOnce(10) }]);
    await clock.advance(15);
    expect(nodesOf(job.toDot()).flaky?.tooltip).toMatch(/^State: retrying.*Reason: error$/);
    await clock.advance(10);
    expect(nodesOf(job.toDot()).flaky?.tooltip).toMatch(/^State: running.*Attempts: 2$/);
    await clock.runAll();
  });

  test('colours each edge by the task that it comes from, and says when the other began', async () => {
    const job = start([
      { name: 'good', run: takes(5) },
      { name: 'bad', continueOnFailure: true, run: fails(5) },
      { name: 'runs', run: takes(50) },
      { name: 'next', dependsOn: ['good', 'bad'], run: takes(10) },
      { name: 'last', dependsOn: ['next', 'runs'], run: () => {} },
    ]);
    await clock.advance(10);
    expect(edgesOf(job.toDot())).toEqual(['good next green', 'bad next red', 'next last black', 'runs last black']);
    expect(job.toDot()).toContain(
      '"good" -> "next" [style=bold tooltip="Time: 2026-01-05T09:30:00.005Z" color=green penwidth=4]',
    );
    expect(job.toDot()).toContain('"runs" -> "last" [style=bold tooltip="" color=black]');
    await clock.runAll();
    expect(edgesOf(job.toDot()).slice(2)).toEqual(['next last green', 'runs last green']);
  });

  test('is the same each time it is asked for, and after the end for ever', async () => {
    const draw = async (): Promise<string[]> => {
      clock = virtualClock(START);
      const job = start(everyKind());
      await clock.advance(200);
      job.task('approval').complete({});
      await job;
      await clock.advance(5_000);
      return [job.toDot(), job.toMermaid(), job.toGantt()];
    };
    const [first, second] = [await draw(), await draw()];
    expect(second).toEqual(first);
    expect(first[0]).toContain('Duration: 20ms');
  });

  test('shows what was added and not what was removed', async () => {
    const job = start([
      { name: 'slow', run: takes(50) },
      { name: 'gone', dependsOn: ['slow'], run: () => {} },
    ]);
    await clock.advance(0);
    job.removeTask('gone');
    job.addTasks([{ name: 'more', kind: 'external', dependsOn: ['slow'] }]);
    for (const text of [job.toDot(), job.toMermaid()]) {
      expect(text).toContain('"more"');
      expect(text).not.toContain('"gone"');
    }
    await job.cancel();
  });
});

describe('the critical path', () => {
  const parts = [
    { name: 'quick', run: takes(5) },
    { name: 'slow', run: takes(50) },
    { name: 'middle', dependsOn: ['quick', 'slow'], run: takes(10) },
    { name: 'last', dependsOn: ['middle', 'slow'], run: takes(1) },
  ];

  test('of a job with times is thick in DOT and Mermaid: its tasks, and the edges from one to the next', async () => {
    const job = start(parts);
    await clock.runAll();
    const nodes = nodesOf(job.toDot());
    expect(Object.keys(nodes).filter((name) => nodes[name]?.penwidth === '4')).toEqual(['slow', 'middle', 'last']);
    expect([...job.toDot().matchAll(/"(\w+)" -> "(\w+)" \[.* penwidth=4]/g)].map(([, ...ends]) => ends)).toEqual([
      ['slow', 'middle'],
      ['middle', 'last'],
    ]);
    const lines = job.toMermaid().split('\n');
    expect(lines.filter((line) => /-->|==>/.test(line))).toEqual([
      '  t0 --> t2',
      '  t1 ==> t2',
      '  t2 ==> t3',
      '  t1 --> t3',
    ]);
    expect(lines.slice(-3, -1)).toEqual(['  classDef critical stroke-width:4px', '  class t1,t2,t3 critical']);
  });

  test('is that of job.explain(), also while the job runs', async () => {
    const job = start(parts);
    await clock.advance(20);
    const critical = parts.flatMap(({ name }) => (job.explain(name).some(({ critical }) => critical) ? [name] : []));
    const nodes = nodesOf(job.toDot());
    expect(Object.keys(nodes).filter((name) => nodes[name]?.penwidth === '4')).toEqual(critical);
    expect(critical).toEqual(['slow', 'middle', 'last']);
    await clock.runAll();
  });

  test('is not marked where no time is known, nor in a definition', async () => {
    const job = start(parts.map((task) => ({ ...task, run: () => {} })));
    expect(job.toDot() + job.toMermaid()).not.toMatch(/penwidth|==>|critical/);
    await clock.runAll();
    expect(job.toDot() + job.toMermaid()).not.toMatch(/penwidth|==>|critical/);
    const definition = jobFrom('job', parts);
    expect(definition.toDot() + definition.toMermaid()).not.toMatch(/penwidth|==>|critical/);
  });
});

describe('job.toMermaid()', () => {
  test('gives each task the class of its state, and defines those that are there', async () => {
    const { job } = await inEveryState();
    const lines = job.toMermaid().split('\n');
    const states = Object.values(STATES).map(([state]) => state);
    const classes = lines.flatMap((line) => /:::(\w+)$/.exec(line)?.[1] ?? []);
    expect(classes).toEqual(states);
    const defined = lines.flatMap((line) => /^ {2}classDef (\w+) /.exec(line)?.[1] ?? []);
    expect(defined.filter((name) => name !== 'critical').sort()).toEqual([...new Set(states)].sort());
    await job.cancel();
  });

  test('keeps the shapes of the kinds', async () => {
    const job = start(everyKind());
    await clock.advance(200);
    expect(job.toMermaid()).toContain('t0(["file"]):::completed\n');
    expect(job.toMermaid()).toContain('t2[["inner"]]:::completed\n');
    expect(job.toMermaid()).toContain('t3{{"each"}}:::completed\n');
    expect(job.toMermaid()).toContain('t4[/"approval"/]:::ready\n');
    await job.cancel();
  });
});

describe('job.toGantt()', () => {
  test('tells waiting and running apart, in the order in which tasks were ready', async () => {
    const job = start(
      [
        { name: 'last', dependsOn: ['second'], run: takes(10) },
        { name: 'first', run: takes(100) },
        { name: 'second', run: takes(50) },
        { name: 'never', when: () => false, run: () => {} },
      ],
      { maxConcurrency: 1, sequential: true },
    );
    await clock.runAll();
    const gantt = (await job).toGantt();
    expect(barsOf(gantt)).toEqual({
      first: ['running 100ms 0-100'],
      second: ['waiting 100ms 0-100', 'running 50ms 100-150'],
      last: ['running 10ms 150-160'],
    });
    expect(Object.keys(barsOf(gantt))).toEqual(['first', 'second', 'last']);
    expect(tagsOf(gantt)).toEqual(['active', 'done', 'active', 'active']);
    expect(gantt).toMatch(/^gantt\n {2}%%\{init: .*}%%\n {2}title job\n {2}dateFormat x\n/);
  });

  test('has a bar for each attempt, failed ones marked, and none for the backoff', async () => {
    const job = start([{ name: 'flaky', maxRetries: 2, retry: { delayMs: 50 }, run: failsOnce(30, 2) }]);
    await clock.runAll();
    expect(barsOf(job.toGantt())).toEqual({
      flaky: ['failed 30ms (attempt 1) 0-30', 'failed 30ms (attempt 2) 80-110', 'running 30ms (attempt 3) 160-190'],
    });
    expect(tagsOf(job.toGantt())).toEqual(['crit', 'crit', 'active']);
  });

  test('has one for each attempt also where all began in one millisecond', async () => {
    const job = start([
      {
        name: 'flaky',
        maxRetries: 2,
        run: async ({ attempt }) => {
          if (attempt < 3) throw new Error('boom');
          await wait(100);
        },
      },
    ]);
    await clock.runAll();
    expect(barsOf(job.toGantt())).toEqual({
      flaky: ['failed 0ms (attempt 1) 0', 'failed 0ms (attempt 2) 0', 'running 100ms (attempt 3) 0-100'],
    });
  });

  test('has the wait of a retry in the queue', async () => {
    const job = start(
      [
        { name: 'flaky', maxRetries: 1, retry: { delayMs: 10 }, run: failsOnce(10) },
        { name: 'other', run: takes(100) },
      ],
      { maxConcurrency: 1 },
    );
    await clock.runAll();
    expect(barsOf(job.toGantt())).toEqual({
      flaky: ['failed 10ms (attempt 1) 0-10', 'waiting 90ms 20-110', 'running 10ms (attempt 2) 110-120'],
      other: ['waiting 10ms 0-10', 'running 100ms 10-110'],
    });
  });

  test('has a bar for each look of a sensor, none of them failed', async () => {
    let looks = 0;
    const check = async (): Promise<boolean> => {
      await wait(10);
      return ++looks === 3;
    };
    const job = start([{ name: 'file', kind: 'sensor', interval: 40, check }]);
    await clock.runAll();
    expect(barsOf(job.toGantt())).toEqual({
      file: ['running 10ms (poll 1) 0-10', 'running 10ms (poll 2) 50-60', 'running 10ms (poll 3) 100-110'],
    });
  });

  test('shows an external task as waiting until it is claimed', async () => {
    const job = start([{ name: 'approval', kind: 'external' }]);
    await clock.advance(30);
    const token = job.task('approval').claim('ann');
    await clock.advance(20);
    job.task('approval').complete({}, token);
    await job;
    expect(barsOf(job.toGantt())).toEqual({ approval: ['waiting 30ms 0-30', 'running 20ms 30-50'] });
  });

  test('shows what a paused job kept from starting as waiting', async () => {
    const job = start([
      { name: 'a', run: takes(10) },
      { name: 'b', dependsOn: ['a'], run: takes(10) },
    ]);
    await clock.advance(5);
    job.pause();
    await clock.advance(45);
    job.resume();
    await clock.runAll();
    expect(barsOf(job.toGantt())).toEqual({
      a: ['running 10ms 0-10'],
      b: ['waiting 40ms 10-50', 'running 10ms 50-60'],
    });
  });

  test('shows nested jobs and fan-outs as one bar', async () => {
    const job = start(everyKind().slice(0, 4));
    await clock.runAll();
    expect(barsOf(job.toGantt())).toMatchObject({ inner: ['running 30ms 20-50'], each: ['running 40ms 20-60'] });
  });

  test('names how each task ended', async () => {
    const job = start([
      { name: 'bad', run: fails(20) },
      { name: 'dns', run: () => wait(30).then(() => notReady('zone')) },
      { name: 'long', timeout: 40, run: takes(1_000) },
      { name: 'runs', run: takes(1_000) },
      { name: 'waits', kind: 'external' },
    ]);
    await clock.advance(50);
    await job.cancel();
    expect(barsOf(job.toGantt())).toEqual({
      bad: ['failed 20ms 0-20'],
      dns: ['not ready 30ms 0-30'],
      long: ['failed 40ms 0-40'],
      runs: ['cancelled 50ms 0-50'],
      waits: ['waiting 50ms 0-50'],
    });
  });

  test('keeps the failed attempt of a task that a person tried again', async () => {
    const job = start([
      { name: 'bad', run: failsOnce(30) },
      { name: 'long', run: takes(300) },
    ]);
    await clock.advance(50);
    job.retry('bad');
    await clock.runAll();
    expect((await job).state).toBe('completed');
    expect(barsOf(job.toGantt())).toEqual({
      bad: ['failed 30ms (attempt 1) 0-30', 'running 30ms (attempt 2) 50-80'],
      long: ['running 300ms 0-300'],
    });
  });

  test('of a job that runs goes up to now', async () => {
    const job = start(
      [
        { name: 'runs', run: takes(1_000) },
        { name: 'waits', run: takes(1_000) },
      ],
      { maxConcurrency: 1 },
    );
    await clock.advance(400);
    expect(barsOf(job.toGantt())).toEqual({ runs: ['running 400ms 0-400'], waits: ['waiting 400ms 0-400'] });
    await job.cancel();
  });

  test('of a job that did nothing is empty, before it begins and after', async () => {
    const job = start([{ name: 'a', when: () => false, run: () => {} }]);
    expect(barsOf(job.toGantt())).toEqual({});
    await job;
    expect(barsOf(job.toGantt())).toEqual({});
  });

  test('is the same from the result as from the job', async () => {
    const job = start(everyKind().slice(0, 2));
    await clock.runAll();
    expect((await job).toGantt()).toBe(job.toGantt());
  });

  test('has marks that fit its length', async () => {
    const job = start([{ name: 'a', run: takes(3 * 60 * 60 * 1_000) }]);
    await clock.runAll();
    expect(job.toGantt()).toContain('  axisFormat %H:%M\n  tickInterval 30minute\n');
  });
});

describe('of tasks with hostile names', () => {
  const names = HOSTILE_NAMES.filter((name) => !/[/[\]]/.test(name));
  const hostile = (): AnyTaskSpec[] =>
    names.map((name, index) => ({ name, dependsOn: names.slice(Math.max(0, index - 1), index), run: takes(1) }));

  test('every one is a node with its name, in a picture of a real job', async () => {
    const fan = hostile().map((task) => ({ ...task, dependsOn: names.slice(0, task.name === names[0] ? 0 : 1) }));
    const job = jobFrom('job "x" \\G', fan).start({}, { clock });
    await clock.runAll();
    expect((await job).state).toBe('completed');
    const svg = toSvg(job);
    expect(svg.match(/class="node"/g)).toHaveLength(names.length);
    expect(svg.match(/class="edge"/g)).toHaveLength(names.length - 1);
  });

  test('Mermaid text has one line for each node, edge and bar', async () => {
    const job = jobFrom('job "x" \\G', hostile()).start({}, { clock });
    await clock.runAll();
    const flowchart = job.toMermaid().split('\n');
    expect(flowchart.filter((line) => /^ {2}t\d+\["[^"]*"]:::completed$/.test(line))).toHaveLength(names.length);
    expect(flowchart.filter((line) => / (-->|==>) /.test(line))).toHaveLength(names.length - 1);
    const gantt = job.toGantt().split('\n');
    expect(gantt.filter((line) => line.startsWith('  section '))).toHaveLength(names.length);
    expect(gantt.filter((line) => / :(milestone, )?active, \d+, \d+$/.test(line))).toHaveLength(names.length);
  });
});

describe('toSvg of tintype/svg', () => {
  test('draws a job as it stands, and its definition', async () => {
    const { job } = await inEveryState();
    const svg = toSvg(job);
    expect(svg.match(/class="node"/g)).toHaveLength(Object.keys(STATES).length);
    for (const [state] of Object.values(STATES)) expect(svg).toContain(`class="cell ${state}"`);
    expect(svg).toContain('State: paused');
    expect(toSvg(job.view())).toBe(svg);
    const drawn = toSvg(jobFrom('job', everyState()));
    expect(drawn.match(/class="node"/g)).toHaveLength(Object.keys(STATES).length);
    expect(drawn).not.toContain('class="cell ');
    await job.cancel();
  });
});

test('a job of 10,000 tasks is drawn in linear time', async () => {
  const draw = async (size: number): Promise<number> => {
    const names = Array.from({ length: size }, (_, index) => `t${index}`);
    const tasks = names.map(
      (name, index): AnyTaskSpec => ({
        name,
        dependsOn: [names[index - 1], names[index - 100]].filter((needed) => needed !== undefined),
        run: () => {},
      }),
    );
    const job = await start(tasks).cancel();
    expect(job.toGantt().length).toBeGreaterThan(0);
    const done = start(tasks);
    await done;
    const began = performance.now();
    for (const text of [done.toDot(), done.toMermaid(), done.toGantt()]) expect(text.length).toBeGreaterThan(size);
    return performance.now() - began;
  };
  await draw(1_000);
  const [small, large] = [await draw(1_000), await draw(10_000)];
  expect(large).toBeLessThan(Math.max(100, small) * 40);
});
