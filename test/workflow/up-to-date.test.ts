// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { readFileSync, rmSync, utimesSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import type { JournalCompletions } from '../../src/engine/durable/journal.ts';
import { createEngine } from '../../src/engine/engine.ts';
import type { Job } from '../../src/engine/job.ts';
import type { JobResult } from '../../src/engine/job-result.ts';
import { memoryJournal } from '../../src/journal/memory-journal.ts';
import { loadWorkflow, type WorkflowOptions } from '../../src/workflow/workflow.ts';
import { folderOf, problemsOf } from '../support/run-workflow.ts';

type Ran = {
  readonly result: JobResult;
  /** The tasks that ran. */
  readonly ran: readonly string[];
  /** What was found of each task that was checked. */
  readonly why: Readonly<Record<string, string>>;
};

/** A folder with a workflow, whose jobs are kept in one journal. */
const project = (text: string, files: Readonly<Record<string, string>> = {}) => {
  const folder = folderOf({ 'main.yaml': `name: main\n${text}`, ...files });
  const journal = memoryJournal();
  const run = async (params: object = {}, options: WorkflowOptions = {}): Promise<Ran> => {
    const why: Record<string, string> = {};
    const { definition } = await loadWorkflow(join(folder, 'main.yaml'), {
      env: {},
      ...options,
      onUpToDateCheck: ({ task, upToDate, reasons }) => {
        why[task] = upToDate ? 'up to date' : reasons.join('; ');
      },
    });
    const job = definition.start({ params }, { journal }) as unknown as Job;
    const ran = new Set<string>();
    job.events$.subscribe((event) => {
      if (event.type === 'task.transition' && event.to === 'running') ran.add(event.task);
    });
    const result = await job;
    return { result, ran: [...ran], why };
  };
  const write = (path: string, content: string): void => writeFileSync(join(folder, path), content);
  return { folder, journal, run, write };
};

const BUILD = `
params: { mode: fast, day: 1 }
tasks:
  - { name: version, type: bash, command: cat version.json, output: json }
  - name: compile
    type: bash
    dependencies: [version]
    env: { MODE: "\${{ params.mode }}" }
    command: |
      cat src/*.c > app
      echo '{"lines": 2}'
    output: json
    sources: ['src/**', '!src/*.tmp']
    generates: [app]
  - { name: ship, type: bash, dependencies: [compile], env: { LINES: "\${{ ctx.lines }}" }, command: echo "$LINES", output: text }
`;
const SOURCES = { 'version.json': '{"version":1}', 'src/a.c': 'a', 'src/lib/b.c': 'b', 'src/x.tmp': 'x' };

describe('a task with sources', () => {
  test('does not run again while all is as it was, and its output is used', async () => {
    const { run } = project(BUILD, SOURCES);
    const first = await run();
    expect(first.ran).toEqual(['version', 'compile', 'ship']);
    expect(first.why).toEqual({ compile: 'it has not completed here before' });
    const second = await run();
    expect(second.ran).toEqual(['version', 'ship']);
    expect(second.why).toEqual({ compile: 'up to date' });
    expect(second.result.tasks.compile).toMatchObject({ state: 'completed', attempts: 0, reason: 'upToDate' });
    expect(second.result.ctx).toEqual(first.result.ctx);
    expect(second.result.ctx).toMatchObject({ lines: 2, ship: '2' });
  });

  test.for<[string, string, (folder: string) => void]>([
    ['a source has changed', 'src/a.c has changed', (at) => writeFileSync(join(at, 'src/a.c'), 'A')],
    ['a source is new', 'src/lib/c.c is new', (at) => writeFileSync(join(at, 'src/lib/c.c'), '')],
    ['a source is gone', 'src/lib/b.c is gone', (at) => rmSync(join(at, 'src/lib/b.c'))],
    ['its result has changed', 'app has changed', (at) => writeFileSync(join(at, 'app'), 'broken')],
    ['its result is gone', 'app is gone; no file is app', (at) => rmSync(join(at, 'app'))],
    [
      'an upstream puts out something else',
      'the output of version has changed',
      (at) => writeFileSync(join(at, 'version.json'), '{"version":2}'),
    ],
    [
      'its command has changed',
      'its command has changed',
      (at) => {
        const text = readFileSync(join(at, 'main.yaml'), 'utf8');
        writeFileSync(join(at, 'main.yaml'), text.replace('cat src/*.c >', 'cat src/*.c >|'));
      },
    ],
  ])('runs again when %s, once', async ([, reason, change]) => {
    const { run, folder } = project(BUILD, SOURCES);
    await run();
    change(folder);
    const changed = await run();
    expect(changed.why).toEqual({ compile: reason });
    expect(changed.ran).toContain('compile');
    expect((await run()).why).toEqual({ compile: 'up to date' });
  });

  test('looks at what its variables are made of, not at params that it does not read', async () => {
    const { run } = project(BUILD, SOURCES);
    await run({ day: 1 });
    expect((await run({ day: 2 })).why).toEqual({ compile: 'up to date' });
    expect((await run({ day: 2, mode: 'small' })).why).toEqual({ compile: 'the variable MODE has changed' });
  });

  test('sees a change that keeps size and time, and none where only the time is another', async () => {
    // Else the files are so new that they are read in any case.
    const clock = vi.spyOn(Date, 'now').mockImplementation(() => performance.timeOrigin + performance.now() + 60_000);
    onTestFinished(() => clock.mockRestore());
    const { run, folder, write, journal } = project(BUILD, SOURCES);
    const file = join(folder, 'src/a.c');
    const time = new Date(1_000_000);
    utimesSync(file, time, time);
    await run();
    const put = vi.spyOn(journal.completions as JournalCompletions, 'put');
    expect((await run()).why).toEqual({ compile: 'up to date' });
    // No file was read again, and so nothing was learned.
    expect(put).not.toHaveBeenCalled();
    write('src/a.c', 'B');
    utimesSync(file, time, time);
    expect((await run()).why).toEqual({ compile: 'src/a.c has changed' });
    put.mockClear();
    utimesSync(file, time, new Date(0));
    write('src/x.tmp', 'not looked at');
    expect((await run()).why).toEqual({ compile: 'up to date' });
    expect(put).toHaveBeenCalledOnce();
  });

  test('keeps what it last completed with when it fails', async () => {
    const { run, write } = project(
      `tasks: [{ name: check, type: bash, command: "! grep bad src/a.c", sources: [src] }]`,
      { 'src/a.c': 'good' },
    );
    expect((await run()).result.state).toBe('completed');
    write('src/a.c', 'bad');
    expect((await run()).result.state).toBe('failed');
    write('src/a.c', 'good');
    expect((await run()).why).toEqual({ check: 'up to date' });
  });

  test('runs again if a source changed while it ran', async () => {
    const { run } = project(
      `tasks: [{ name: format, type: bash, command: "echo >> src/a.c", sources: [src/*.c], generates: [src/a.c] }]`,
      { 'src/a.c': 'a' },
    );
    await run();
    expect((await run()).why).toEqual({ format: 'src/a.c has changed' });
  });

  test('whose globs match nothing runs each time, and says so', async () => {
    const { run } = project(
      `tasks:
  - { name: typo, type: bash, command: "true", sources: [scr/**] }
  - { name: lazy, type: bash, command: "true", generates: [out/*.js] }`,
      { 'src/a.c': 'a' },
    );
    await run();
    const again = await run();
    expect(again.why).toEqual({ typo: 'no file is scr/**', lazy: 'no file is out/*.js' });
    expect(again.ran).toEqual(['typo', 'lazy']);
  });

  test('runs in spite of it all if that is forced, and is up to date afterwards', async () => {
    const { run } = project(BUILD, SOURCES);
    await run();
    const forced = await run({}, { force: true });
    expect([forced.ran, forced.why]).toEqual([['version', 'compile', 'ship'], { compile: 'it is forced to' }]);
    expect((await run()).why).toEqual({ compile: 'up to date' });
  });

  test('runs, and is up to date afterwards, if what is kept of it can not be read', async () => {
    const { run, journal } = project(BUILD, SOURCES);
    await run();
    const { get, put } = journal.completions as JournalCompletions;
    let isDamaged = true;
    Object.assign(journal.completions as object, {
      get: (key: string) => (isDamaged ? '{"version":1,"at' : get(key)),
      put: (...given: Parameters<typeof put>) => {
        isDamaged = false;
        return put(...given);
      },
    });
    expect((await run()).why).toEqual({ compile: 'it has not completed here before' });
    expect((await run()).why).toEqual({ compile: 'up to date' });
  });

  test('shows no secret in its reasons', async () => {
    const { run } = project(
      `secrets: [NAME]\ntasks: [{ name: x, type: bash, command: "true", sources: ["\${{ secrets.NAME }}.txt"] }]`,
    );
    await run({}, { env: { NAME: 'hidden-name' } });
    expect((await run({}, { env: { NAME: 'hidden-name' } })).why).toEqual({ x: 'no file is ***.txt' });
  });

  test.for(['../lib/m.mjs', './m(1).mjs', '[x]/m.mjs'])('of a module finds it at %s', async (module) => {
    const { run } = project(`tasks: [{ name: sub, type: job, file: sub/child.yaml }]`, {
      'sub/child.yaml': `name: child\ntasks: [{ name: m, type: node, module: "${module}", sources: [a] }]`,
      'sub/a': '',
      [`sub/${module}`]: 'export default () => ({ m: 1 });',
    });
    await run();
    expect((await run()).why).toEqual({ 'sub/m': 'up to date' });
  });

  test('of a module looks at the module, and at all params', async () => {
    const { run, write } = project(
      `params: { day: 1 }\ntasks: [{ name: count, type: node, module: ./lib/count.mjs, sources: [data.txt] }]`,
      { 'lib/count.mjs': 'export default ({ params }) => ({ n: params.day });', 'data.txt': '' },
    );
    await run();
    expect((await run()).why).toEqual({ count: 'up to date' });
    expect((await run({ day: 2 })).why).toEqual({ count: 'the param day has changed' });
    write('lib/count.mjs', 'export default () => ({ n: 3 });');
    const changed = await run({ day: 2 });
    expect(changed.why).toEqual({ count: 'lib/count.mjs has changed' });
    expect(changed.result.ctx).toMatchObject({ n: 3 });
  });

  test('with map is checked item by item, wherever the item stands in the list', async () => {
    const { run, write } = project(
      `params: { files: [a, b] }
tasks:
  - name: size
    type: bash
    map: { over: "params.files" }
    env: { FILE: "\${{ item }}" }
    command: wc -c < "src/$FILE"
    output: json
    sources: ["src/\${{ item }}"]`,
      { 'src/a': '1', 'src/b': '12', 'src/c': '123' },
    );
    expect((await run()).result.ctx.size).toEqual([1, 2]);
    write('src/b', '1234');
    const changed = await run({ files: ['c', 'a', 'b'] });
    expect(changed.result.ctx.size).toEqual([3, 1, 4]);
    expect(changed.why).toEqual({
      'size[0]': 'it has not completed here before',
      'size[1]': 'up to date',
      'size[2]': 'src/b has changed',
    });
    expect(changed.ran.toSorted()).toEqual(['size', 'size[0]', 'size[2]']);
  });

  test('in a file that another runs is checked there', async () => {
    const { run, write } = project(`tasks: [{ name: sub, type: job, file: sub/child.yaml }]`, {
      'sub/child.yaml': 'name: child\ntasks: [{ name: build, type: bash, command: cat a, output: text, sources: [a] }]',
      'sub/a': 'one',
    });
    await run();
    const second = await run();
    expect([second.why, second.result.ctx.sub]).toEqual([{ 'sub/build': 'up to date' }, { build: 'one' }]);
    write('sub/a', 'two');
    expect((await run()).why).toEqual({ 'sub/build': 'a has changed' });
  });

  test('in a job in the file looks at what comes in there too, and at nothing beside it', async () => {
    const { run, write } = project(
      `params: { mode: fast, day: 1 }
workers: 1
tasks:
  - { name: clock, type: bash, command: cat clock, output: text }
  - { name: version, type: bash, command: cat version.json, output: json }
  - name: sub
    type: job
    dependencies: [version]
    tasks:
      - { name: inner, type: bash, command: cat inner, output: text }
      - { name: build, type: bash, command: "true", sources: [a], env: { MODE: "\${{ params.mode }}" }, dependencies: [inner] }`,
      { 'version.json': '{"version":1}', clock: '1', inner: '1', a: '' },
    );
    await run();
    write('clock', '2');
    expect((await run({ day: 2 })).why).toEqual({ 'sub/build': 'up to date' });
    write('version.json', '{"version":2}');
    expect((await run()).why).toEqual({ 'sub/build': 'the output of ../version has changed' });
    write('inner', '2');
    expect((await run()).why).toEqual({ 'sub/build': 'the output of inner has changed' });
    expect((await run({ mode: 'small' })).why).toEqual({ 'sub/build': 'the variable MODE has changed' });
  });

  test('in a job with map is checked by the item of the job, wherever that stands in the list', async () => {
    const { run, write } = project(
      `params: { files: [a, b] }
tasks:
  - name: each
    type: job
    map: { over: "params.files" }
    tasks:
      - { name: size, type: bash, env: { FILE: "\${{ item }}" }, command: wc -c < "$FILE", output: json, sources: ["\${{ item }}"] }`,
      { a: '1', b: '12', c: '123' },
    );
    await run();
    write('b', '1234');
    const changed = await run({ files: ['c', 'a', 'b'] });
    expect(changed.result.ctx.each).toEqual([{ size: 3 }, { size: 1 }, { size: 4 }]);
    expect(changed.why).toEqual({
      'each[0]/size': 'it has not completed here before',
      'each[1]/size': 'up to date',
      'each[2]/size': 'b has changed',
    });
  });

  test.for<[string, string, string]>([
    ['stdin: "${{ params.day }}"', 'stdin: one more', 'its standard input has changed'],
    ['stdin: one', 'stdin: { file: in.txt }', 'its standard input has changed; in.txt is new'],
    ['command: cat', 'command: cat\n    stdin: ""', 'its standard input is new'],
    ['shell: bash', 'shell: sh', 'its command has changed'],
    ['path: bin', 'path: [bin, tools]', 'the variable PATH has changed'],
    ['stdout: a.log', 'stdout: b.log\n    stderr: b.log', 'up to date'],
    ['estimate: 1s', 'estimate: 1m\n    stop_signal: SIGINT', 'up to date'],
  ])('in whose file "%s" becomes "%s" finds: %s', async ([before, after, why]) => {
    const top = /^(shell|path)/.exec(before)?.[1];
    const { run, write } = project('', { 'in.txt': '', a: '' });
    const text = (line: string): string =>
      `name: main\nparams: { day: 1 }\n${top === 'path' ? line : ''}\ndefaults: { ${top === 'shell' ? line : ''} }
tasks:\n  - name: x\n    type: bash\n    sources: [a]\n${before.startsWith('command') ? '' : '    command: cat\n'}${top ? '' : `    ${line}`}`;
    write('main.yaml', text(before));
    expect((await run()).result.state).toBe('completed');
    write('main.yaml', text(after));
    expect((await run()).why).toEqual({ x: why });
  });

  test.for([
    'in(1).txt',
    './in(1).txt',
    '${{ params.folder }}/in(1).txt',
  ])('with stdin: { file: %s } looks at the content of the file', async (file) => {
    const { run, write, folder } = project(
      `params: { folder: "" }\ntasks: [{ name: x, type: bash, command: cat, output: text, sources: [a], stdin: { file: "${file}" } }]`,
      { a: '', 'in(1).txt': 'one' },
    );
    await run({ folder });
    expect((await run({ folder })).why).toEqual({ x: 'up to date' });
    write('in(1).txt', 'two');
    const changed = await run({ folder });
    expect(changed.why.x).toMatch(/in\(1\)\.txt has changed$/);
    expect(changed.result.ctx).toMatchObject({ x: 'two' });
  });

  test('counts an upstream that is left out as changed only if that had an output', async () => {
    const { run } = project(BUILD, SOURCES);
    await run();
    const only = await run({}, { selection: { only: ['compile'] } });
    expect(only.why).toEqual({ compile: 'the output of version is gone' });
  });

  test('is checked again by a rerun of nothing: the tasks of a rerun run', async () => {
    const { run, journal, folder } = project(BUILD, SOURCES);
    const { result } = await run();
    const { definition } = await loadWorkflow(join(folder, 'main.yaml'), { env: {} });
    const engine = createEngine({ journal, definitions: [definition] });
    const { job } = await engine.rerun(result.jobId, { from: 'compile' });
    expect((await job).tasks.compile).toMatchObject({ attempts: 1 });
  });

  test('keeps no secret in clear, and runs again when one has changed', async () => {
    const { run, journal } = project(
      `secrets: [TOKEN]\ntasks: [{ name: fetch, type: bash, command: 'echo "$TOKEN"', output: text, sources: [a] }]`,
      { a: '' },
    );
    const kept: string[] = [];
    const { put } = journal.completions as JournalCompletions;
    Object.assign(journal.completions as object, {
      put: (key: string, text: string, at: number) => {
        kept.push(key, text);
        return put(key, text, at);
      },
    });
    await run({}, { env: { TOKEN: 's3cr3t-value' } });
    expect(kept).toHaveLength(2);
    expect(kept.join()).not.toContain('s3cr3t-value');
    const changed = await run({}, { env: { TOKEN: 'an0ther-value' } });
    expect(changed.why).toEqual({ fetch: 'the variable TOKEN has changed' });
  });
});

describe('a file', () => {
  test.for<[string, string]>([
    [
      'type: http, url: "http://x", sources: [a]',
      'Task "x" has an unknown key "sources". Only tasks of type bash, python and node can be up to date',
    ],
    ['type: bash, command: a, trigger: always, sources: [a]', 'Task "x" has "sources", but its trigger is "always"'],
    ['type: bash, command: a, branch: true, sources: [a]', 'Task "x" has "sources", but it has "branch", by which it'],
    ['type: node, command: a, expand: true, generates: [a]', 'Task "x" has "generates", but it has "expand", by which'],
    [
      'type: job, tasks: [{ name: y, type: bash, command: a }], handlers: { always: [{ name: h, type: bash, command: a, sources: [a] }] }',
      'Handler "h" has "sources", but it is a handler',
    ],
    ['type: bash, command: a, inputs: [a]', 'It is called "sources" here. It takes a list of globs'],
    ['type: bash, command: a, outputs: [a]', 'It is called "generates" here. It takes a list of globs'],
    ['type: bash, command: a, method: checksum', 'decided by the contents of the files'],
    ['type: bash, command: a, sources: src', 'expected a list of globs'],
    ['type: bash, command: a, sources: ["!src"]', 'expected at least one glob without "!"'],
  ])('with { %s } is told: %s', async ([task, message]) => {
    const problems = await problemsOf(`tasks: [{ name: x, ${task} }]`);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(message);
  });

  test('with a handler that has sources is told that handlers always run', async () => {
    const handler = '{ name: h, type: bash, command: a, sources: [a] }';
    const [problem] = await problemsOf(
      `tasks: [{ name: x, type: bash, command: a }]\nhandlers: { always: [${handler}] }`,
    );
    expect(problem).toContain('has "sources", but it is a handler');
  });
});
