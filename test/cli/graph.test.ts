import { execFileSync } from 'node:child_process';
import { EventEmitter } from 'node:events';
import { mkdtempSync, readFileSync } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { stripVTControlCharacters } from 'node:util';
import fc from 'fast-check';
import { type AnyTaskSpec, jobFrom } from 'tintype';
import { describe, expect, test } from 'vitest';
import { drawGraph } from '../../src/cli/drawing/drawing.ts';
import { type GraphOptions, graph } from '../../src/cli/drawing/graph.ts';
import type { JobDefinition } from '../../src/engine/job-definition.ts';
import { textWidth } from '../../src/events/text-width.ts';
import { tintype, workflowFile } from '../support/cli.ts';
import { edgesOfDrawing, edgesOfList } from '../support/graph-reader.ts';
import { CHECKED, comesTo, diedAt, project } from '../support/stored-jobs.ts';
import { terminalStream } from '../support/terminal.ts';

const ESC = String.fromCharCode(27);

type More = Readonly<Record<string, Partial<AnyTaskSpec>>>;

/** A definition by lines such as `report <- clean, count`. */
const job = (lines: string | readonly string[], more: More = {}): JobDefinition => {
  const specs = (typeof lines === 'string' ? lines.trim().split('\n') : lines).map((line) => {
    const [name = '', needs = ''] = line.split('<-').map((part) => part.trim());
    const work = more[name]?.kind ? {} : { run: () => {} };
    return {
      name,
      dependsOn: [...new Set(needs.split(/[ ,]+/).filter(Boolean))],
      ...work,
      ...more[name],
    } as AnyTaskSpec;
  });
  return jobFrom('nightly', specs, { pools: { db: 3 } }) as unknown as JobDefinition;
};

const times = <Value>(count: number, make: (index: number) => Value): Value[] =>
  Array.from({ length: count }, (_, index) => make(index));

type Look = { readonly columns?: number; readonly ascii?: boolean };

const draw = (definition: JobDefinition, { columns = 80, ascii = false }: Look = {}): readonly string[] =>
  drawGraph(definition, { columns, ascii, style: (_, text) => text, sanitize: (text) => text });

/** The drawing without its title and what stands below it. */
const picture = (lines: string | readonly string[], look?: Look): string =>
  `\n${draw(job(lines), look)
    .slice(2)
    .join('\n')
    .replace(/\n\n(Longest chain|─|▸|○ n)[\s\S]*$/, '')}\n`;

const edgesOf = ({ tasks }: JobDefinition): string[] =>
  tasks.flatMap(({ name, dependsOn }) => dependsOn.map((need) => `${need} -> ${name}`)).sort();

const isList = (lines: readonly string[]): boolean => lines.includes('stage 1');

const edgesIn = (lines: readonly string[]): string[] =>
  (isList(lines) ? edgesOfList(lines) : edgesOfDrawing(lines)).sort();

const capture = async (definition: JobDefinition, options: GraphOptions, env: Record<string, string> = {}) => {
  const texts = { stdout: '', stderr: '' };
  const into = (name: keyof typeof texts): Writable =>
    new Writable({
      write: (chunk, _encoding, written) => {
        texts[name] += String(chunk);
        written();
      },
    });
  const io = { stdout: into('stdout'), stderr: into('stderr'), env, signals: new EventEmitter() };
  const exitCode = await graph(definition, options, io);
  return { exitCode, ...texts };
};

const onTerminal = async (definition: JobDefinition, columns: number, env: Record<string, string> = {}) => {
  const stdout = terminalStream({ columns, rows: 100 });
  const io = { stdout, stderr: new Writable(), env, signals: new EventEmitter() };
  const exitCode = await graph(definition, { format: 'text' }, io);
  await stdout.shown();
  return { exitCode, written: stdout.writes.join(''), screen: stdout.emulator.text() };
};

describe('the drawing of a graph', () => {
  test('of a chain is a column', () => {
    expect(picture('extract\ntransform <- extract\nload <- transform')).toBe(`
●  extract
●  transform
○  load
`);
  });

  test('shows where ways part and meet', () => {
    expect(picture('a\nb <- a\nc <- a\nd <- b, c')).toBe(`
●    a
├─●  b
● │  c
○─╯  d
`);
  });

  test('leads tasks that stand between the same others into one lane', () => {
    expect(picture(['a', ...times(5, (at) => `b${at} <- a`), 'c <- b0, b1, b2, b3, b4', 'd <- c'])).toBe(`
●      a
├─●▸╮  b0
├─●▸┤  b1
├─●▸┤  b2
├─●▸┤  b3
╰─●▸┤  b4
●───╯  c
○      d
`);
  });

  test('of many that lead to one, and of one that leads to many, stays narrow', () => {
    const names = times(30, (at) => `t${at}`);
    const [first, ...rest] = picture([...names, `end <- ${names.join()}`])
      .trim()
      .split('\n');
    expect([first, rest.at(0), rest.at(-1)]).toEqual(['●▸╮  t0', '●▸┤  t1', '○─╯  end']);
    const [start, one, ...others] = picture(['start', ...names.map((name) => `${name} <- start`)])
      .trim()
      .split('\n');
    expect([start, one, others.at(-1)]).toEqual(['●    start', '├─○  t0', '╰─○  t29']);
  });

  test('tells lanes that cross from lanes that meet', () => {
    const lines = draw(job('a\nb <- a\nc <- a\nd <- a\ne <- b, d\nf <- c, d'));
    expect(lines.slice(2)).toEqual([
      '●      a',
      '├─●    b',
      '├─│─●  c',
      '● │ │  d',
      '├─○ │  e',
      '○───╯  f',
      '',
      'Longest chain, 3 tasks: a → b → e',
      '─│─ lanes cross, ─┼─ they meet',
    ]);
  });

  test('puts what is not joined apart, and tasks without any edge at the end', () => {
    expect(picture('alone\na\nx\nb <- a\ny <- x\nlonely')).toBe(`
●  a
○  b

●  x
○  y

○  alone
○  lonely
`);
  });

  test('says what kind of task one is, and when it does not simply run', () => {
    const nested = job('one\ntwo');
    const lines = draw(
      job('file\ncharts <- file\nstore <- file\ninner <- file\napproval <- charts, store, inner', {
        file: { kind: 'sensor', check: () => true } as Partial<AnyTaskSpec>,
        charts: { kind: 'map', over: [1], each: () => {} } as Partial<AnyTaskSpec>,
        store: { pool: 'db', slots: 2, when: () => true } as Partial<AnyTaskSpec>,
        inner: { kind: 'job', definition: nested } as Partial<AnyTaskSpec>,
        approval: { kind: 'external', trigger: 'noneFailed', continueOnFailure: true } as Partial<AnyTaskSpec>,
      }),
    );
    expect(lines.slice(0, 7)).toEqual([
      'nightly (5 tasks)',
      '',
      '●      file  sensor',
      '├─●▸╮  charts  map',
      '├─●▸┤  store  conditional, pool db (2 slots)',
      '╰─●▸┤  inner  job of 2 tasks',
      '○───╯  approval  external, trigger none_failed, may fail',
    ]);
  });

  test('is made of ASCII where that is asked for', () => {
    const lines = draw(job(['a', ...times(3, (at) => `b${at} <- a`), 'c <- b0, b1, b2', 'd <- a']), { ascii: true });
    expect(lines.join('\n')).toMatch(/^[ -~\n]*$/);
    expect(lines.slice(2, 8)).toEqual(['*      a', '+-o    d', '+-*>.  b0', '+-*>+  b1', "'-*>+  b2", "o---'  c"]);
  });

  test('gives way to a list by stage where there is no room for its lanes', () => {
    // Each of ten waits for two of ten, so that no lane can be shared.
    const lines = draw(
      job([
        ...times(10, (at) => `a${at}`),
        ...times(10, (at) => `b${at} <- a${at}, a${(at * 3 + 1) % 10}, a${(at * 7 + 4) % 10}`),
      ]),
      { columns: 13 },
    );
    expect(lines).toContain('stage 2');
    expect(lines).toContain('  b1 ← a1, a4');
    expect(Math.max(...lines.map(textWidth))).toBeLessThanOrEqual(13);
  });

  test('cuts names and notes that are too long for a terminal', () => {
    const long = `load_${'very_'.repeat(30)}long`;
    const lines = draw(job(`a\n${long} <- a`, { [long]: { pool: 'db', when: () => true } as Partial<AnyTaskSpec> }), {
      columns: 40,
    });
    expect(lines[3]).toMatch(/^○ {2}load_very_.*….*very_long$/);
    expect(lines.map(textWidth).every((width) => width <= 40)).toBe(true);
    expect(draw(job(`a\n${long} <- a`), { columns: Number.POSITIVE_INFINITY })[3]).toBe(`○  ${long}`);
  });

  test('of no tasks, and of one', () => {
    expect(draw(job([]))).toEqual(['nightly (0 tasks)']);
    expect(draw(job('only'))).toEqual(['nightly (1 task)', '', '○  only']);
  });

  test.each<[what: string, lines: readonly string[]]>([
    ['a chain', times(5000, (at) => (at === 0 ? 't0' : `t${at} <- t${at - 1}`))],
    [
      'layers',
      times(5000, (at) =>
        at < 100 ? `t${at}` : `t${at} <- ${[1, 7, 13].map((by) => `t${at - (at % 100) - 100 + ((at * by) % 100)}`)}`,
      ),
    ],
    ['a fan', ['s', ...times(4998, (at) => `t${at} <- s`), `e <- ${times(4998, (at) => `t${at}`)}`]],
    ['nothing that is joined', times(5000, (at) => `t${at}`)],
  ])('of 5,000 tasks, %s, shows each', (_what, lines) => {
    const definition = job(lines);
    const startedAt = performance.now();
    const drawn = draw(definition);
    // A tenth of it is usual; a machine that is busy takes longer.
    expect(performance.now() - startedAt).toBeLessThan(2000);
    expect(edgesIn(drawn)).toEqual(edgesOf(definition));
  });
});

describe('whoever follows the lanes finds the edges of the graph', () => {
  const needs = fc.array(fc.nat(1000), { maxLength: 4 });
  /** Tasks that wait for any before them, for the same as the one before, for all of the ten before, or for nothing. */
  const task = fc.record({
    needs,
    like: fc.constantFrom('any', 'any', 'last', 'last', 'recent', 'before', 'root'),
    place: fc.nat(1000),
  });
  const graphs = fc.array(task, { minLength: 1, maxLength: 40, size: 'max' }).map((drafts) => {
    let last: readonly number[] = [];
    const specs = drafts.map(({ needs, like, place }, at) => {
      if (like === 'root' || at === 0) last = [];
      else if (like === 'recent') last = needs.map((need) => Math.max(0, at - 1 - (need % 4)));
      else if (like === 'before') last = times(Math.min(at, 10), (by) => at - 1 - by);
      else if (like === 'any') last = needs.map((need) => need % at);
      return { line: `t${at} <- ${[...new Set(last)].map((need) => `t${need}`)}`, place };
    });
    return specs.sort((a, b) => a.place - b.place).map(({ line }) => line);
  });
  const looks = fc.record({ columns: fc.constantFrom(24, 40, 80, 200, Number.POSITIVE_INFINITY), ascii: fc.boolean() });

  test('of any graph, at any width', () => {
    let drawn = 0;
    let listed = 0;
    fc.assert(
      fc.property(graphs, looks, (lines, look) => {
        const definition = job(lines);
        const drawing = draw(definition, look);
        expect(edgesIn(drawing), drawing.join('\n')).toEqual(edgesOf(definition));
        expect(Math.max(...drawing.map(textWidth))).toBeLessThanOrEqual(look.columns);
        if (isList(drawing)) listed++;
        else drawn++;
      }),
      { numRuns: 1500 },
    );
    expect(drawn).toBeGreaterThan(200);
    expect(listed).toBeGreaterThan(20);
  });
});

describe('tintype graph', () => {
  const definition = job(['a', ...times(3, (at) => `b${at} <- a`), 'c <- b0, b1, b2', 'd <- a']);

  test('draws a file', async () => {
    const file = workflowFile(`
name: nightly
tasks:
  - { name: extract, type: bash, command: "true" }
  - { name: load, type: bash, command: "true", dependencies: [extract], when: "1 == 1" }
`);
    const { exitCode, stdout, stderr } = await tintype(['graph', file]);
    expect(stdout).toBe('nightly (2 tasks)\n\n●  extract\n○  load  conditional\n');
    expect([exitCode, stderr]).toEqual([0, '']);
  });

  test('prints no escape codes to what is no terminal, nor where colours are not wanted', async () => {
    expect((await capture(definition, { format: 'text' })).stdout).not.toContain(ESC);
    expect((await onTerminal(definition, 80, { NO_COLOR: '1' })).written).not.toContain(ESC);
  });

  test('colours lanes on a terminal, and has the longest chain in bold', async () => {
    const { written, exitCode } = await onTerminal(definition, 80);
    expect(exitCode).toBe(0);
    expect(written).toContain(`${ESC}[1mb0${ESC}[22m`);
    expect(written).not.toContain(`${ESC}[1mb1`);
    expect(written).toContain(`${ESC}[36m├─`);
    expect(stripVTControlCharacters(written)).toBe((await capture(definition, { format: 'text' })).stdout);
  });

  test('fits into the terminal', async () => {
    const wide = job(
      times(40, (at) =>
        at < 12
          ? `task_number_${at}`
          : `task_number_${at} <- ${[1, 3, 5].map((by) => `task_number_${(at * by) % 12}`)}`,
      ),
    );
    const { written, screen } = await onTerminal(wide, 50);
    expect(screen).toBe(stripVTControlCharacters(written).trimEnd());
  });

  test.each<[env: Record<string, string>, mark: string]>([
    [{}, '●'],
    [{ LANG: 'de_DE.UTF-8' }, '●'],
    [{ LANG: 'C.utf8' }, '●'],
    [{ LANG: 'C' }, '*'],
    [{ LANG: 'de_DE.UTF-8', LC_ALL: 'POSIX' }, '*'],
    [{ LANG: 'de_DE.ISO-8859-1', LC_CTYPE: 'de_DE.UTF-8' }, '●'],
    [{ LANG: '', LC_ALL: '' }, '●'],
  ])('takes the characters that the locale has: %j', async (env, mark) => {
    expect((await capture(definition, { format: 'text' }, env)).stdout.split('\n')[2]).toBe(`${mark}      a`);
  });

  test('takes ASCII on terminals without line-drawing characters', async () => {
    expect((await onTerminal(definition, 80, { TERM: 'linux' })).screen).toMatch(/^[ -~\n]*$/);
    expect((await capture(definition, { format: 'text' }, { TERM: 'dumb' })).stdout).toContain('●');
  });

  test('writes Mermaid, DOT and SVG', async () => {
    expect(await capture(definition, { format: 'mermaid' })).toEqual({
      exitCode: 0,
      stdout: definition.toMermaid(),
      stderr: '',
    });
    expect((await capture(definition, { format: 'dot' })).stdout).toBe(definition.toDot());
    const { stdout } = await capture(definition, { format: 'svg' });
    expect(stdout.match(/class="node"/g)).toHaveLength(6);
    expect(stdout.match(/class="edge"/g)).toHaveLength(7);
  });

  test('writes to a file, plainly and for any width', async () => {
    const output = join(mkdtempSync(join(tmpdir(), 'tintype-')), 'graph.txt');
    expect(await capture(definition, { format: 'text', output }, { LANG: 'C' })).toEqual({
      exitCode: 0,
      stdout: '',
      stderr: '',
    });
    expect(readFileSync(output, 'utf8')).toBe((await capture(definition, { format: 'text' })).stdout);
  });

  test('says so where it can not write', async () => {
    const output = join(tmpdir(), 'no', 'such', 'directory', 'graph.dot');
    const { exitCode, stdout, stderr } = await capture(definition, { format: 'dot', output });
    expect([exitCode, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(/^error: The graph can't be written to .*graph\.dot: ENOENT/);
  });
});

describe('tintype graph of a kept job', () => {
  const kept = async (): Promise<string[]> => {
    const { file, db } = project(`
name: nightly
pools: { db: 2 }
tasks:
  - { name: extract, type: bash, command: 'true' }
  - { name: check, type: bash, dependencies: [extract], command: exit 1 }
  - { name: report, type: bash, dependencies: [check], command: 'true' }
handlers:
  failure: [{ name: mourn, type: bash, command: 'true' }]
  always: [{ name: clean, type: bash, command: 'true' }]
`);
    await tintype(['run', file, '--db', db]);
    return ['--job', 'last', '--db', db];
  };

  test('draws its states, in their colours on a terminal', async () => {
    const args = await kept();
    const { stdout, exitCode } = await tintype(['graph', ...args]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain('●  extract  completed\n●  check  failed\n○  report  skipped\n');
    expect(stdout).toContain('Handlers, when all is over: clean (completed), mourn (completed)');
    const painted = (await tintype(['graph', ...args], { columns: 80 })).stdout;
    const narrow = (await tintype(['graph', ...args], { columns: 40, env: { NO_COLOR: '1' } })).stdout;
    expect(narrow).toContain('\nHandlers, when all is over: clean\n  (completed), mourn (completed)\n');
    expect(painted).toContain(`${ESC}[31m●${ESC}[39m  ${ESC}[1mcheck${ESC}[22m  ${ESC}[31mfailed${ESC}[39m`);
  });

  test('draws it as DOT, Mermaid, SVG and Gantt chart, with the handlers in a frame', async () => {
    const args = await kept();
    const drawn = async (format: string) => (await tintype(['graph', ...args, '--format', format])).stdout;
    const dot = await drawn('dot');
    expect(dot).toMatch(/"check" \[.*State: failed.* fillcolor=red\]/);
    expect(dot).toMatch(/subgraph "cluster_handlers" \{[^}]*"mourn" [^}]*"clean" |"clean" [^}]*"mourn" /);
    expect(dot).not.toContain('"extract" -> "mourn" [style=bold');
    const mermaid = await drawn('mermaid');
    expect(mermaid).toMatch(/\["check"\]:::failed/);
    expect(mermaid).toMatch(/subgraph handlers\n[\s\S]*"clean"[\s\S]*"mourn"[\s\S]*\n {2}end/);
    const svg = await drawn('svg');
    expect(svg).toMatch(/<title>check\nState: failed\n[^<]*<\/title>.*class="cell failed".*>check</);
    expect(svg).toMatch(/data-kind="frame".*>handlers</);
    expect(svg).toContain('<desc>5 tasks: 3 completed, 1 skipped, 1 failed</desc>');
    const gantt = await drawn('gantt');
    expect(gantt).toMatch(/section check\n(.*waiting.*\n)? *failed \S+ :(milestone, )?crit,/);
    expect(gantt).not.toContain('section report');
  });

  test('draws a job whose process died as it stands', async () => {
    const { file, db } = project(CHECKED);
    await diedAt(file, db, comesTo('extract', 'running'));
    const { stdout } = await tintype(['graph', '--job', 'dead', '--db', db]);
    expect(stdout).toMatch(/ report {2}unscheduled$/m);
    const gantt = await tintype(['graph', '--job', 'dead', '--db', db, '--format', 'gantt']);
    expect(gantt).toMatchObject({ exitCode: 0, stdout: expect.stringContaining('section extract') });
  });

  test.for([
    [['--job', 'last', 'x.yaml'], 'a file and a job are named: name one'],
    [['x.yaml', '--format', 'gantt'], 'name one by --job'],
    [['--job', 'nope'], 'There is no job "nope"'],
  ] as const)('refuses %s', async ([args, message]) => {
    const [, , , db = ''] = await kept();
    const { exitCode, stderr } = await tintype(['graph', ...args, '--db', db]);
    expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining(message) });
  });
});

test.for(['text', 'dot'])('tintype graph reads a pipe once, for %s', async (format) => {
  const pipe = join(mkdtempSync(join(tmpdir(), 'tintype-pipe-')), 'flow.yaml');
  execFileSync('mkfifo', [pipe]);
  const yaml = `name: x\ntasks: [{ name: a, type: bash, command: x }]\nhandlers: { always: [{ name: clean, type: bash, command: x }] }`;
  const [, { exitCode, stdout }] = await Promise.all([
    writeFile(pipe, yaml),
    tintype(['graph', pipe, '--format', format]),
  ]);
  expect({ exitCode, stdout }).toEqual({ exitCode: 0, stdout: expect.stringContaining('clean') });
});

test('tintype graph draws kinds, conditions, pools and handlers of a file', async () => {
  const file = workflowFile(`name: nightly
pools: { db: 2 }
tasks:
  - { name: wait, type: sensor, file: x, deadline: 1h }
  - { name: load, type: bash, dependencies: [wait], when: params == null, trigger: all_done, pool: db, slots: 2, command: 'true' }
handlers:
  success: [{ name: cheer, type: bash, when: 1 > 0, command: 'true' }]
  always: [{ name: clean, type: bash, command: 'true' }]
`);
  const { stdout } = await tintype(['graph', file, '--format', 'svg']);
  const texts = [...stdout.matchAll(/<text[^>]*>([^<]*)</g)].map(([, text]) => text?.replaceAll('&#160;', ' '));
  expect(texts).toEqual([
    'nightly',
    'handlers',
    '2',
    'wait',
    'sensor',
    'load',
    'trigger all_done',
    'conditional',
    'pool db (2 slots)',
    'cheer',
    'on success, conditional',
    'clean',
    'in any case',
  ]);
  const dot = (await tintype(['graph', file, '--format', 'dot'])).stdout;
  expect(dot.match(/^.*-> "(cheer|clean)".*$/gm)).toEqual([
    '\t"load" -> "cheer" [style=invis]',
    '\t"cheer" -> "clean" [style=bold tooltip="" color=black]',
  ]);
});
