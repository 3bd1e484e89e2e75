import { describe, expect, test } from 'vitest';
import { SerialisationError } from '../../../src/engine/errors/errors.ts';
import { failureOf, runWorkflow, type WorkflowRun } from '../../support/run-workflow.ts';

const runModule = (code: string, more = ''): Promise<WorkflowRun> =>
  runWorkflow(`tasks: [{ name: a, type: node, module: m.mjs${more} }]`, { files: { 'm.mjs': code } });

describe('a module that has answered is done', () => {
  test.for([
    ['a timer', 'export default () => { setInterval(() => {}, 1_000); return { rows: 3 }; }'],
    [
      'a server',
      `import { createServer } from 'node:net';
       export default async () => { await new Promise((done) => createServer().listen(0, done)); return { rows: 3 }; }`,
    ],
    ['a timer from its import', 'setInterval(() => {}, 1_000); export default { rows: 3 };'],
    ['a promise as its export', 'export default Promise.resolve({ rows: 3 });'],
    [
      'what fails later',
      `export default () => { Promise.reject(new Error('late')); setTimeout(() => { throw new Error('later'); }, 5); return { rows: 3 }; }`,
    ],
  ] as const)('though it left %s', async ([, code]) => {
    const { result } = await runModule(code);
    expect(result.tasks.a).toMatchObject({ state: 'completed' });
    expect(result.ctx).toMatchObject({ rows: 3 });
  });

  test('also with no output, a timer left', async () => {
    const { result } = await runModule('export default () => { setInterval(() => {}, 1_000); }');
    expect(result.tasks.a).toMatchObject({ state: 'completed' });
  });

  test('after what it has begun and what ends soon', async () => {
    const { result } = await runModule(
      'export default () => { setTimeout(() => console.log("end"), 20); }',
      ', output: text',
    );
    expect(result.ctx).toMatchObject({ a: 'end' });
  });

  test.for([
    ['blocks', 'export default () => { setTimeout(() => { for (;;); }, 10); return { rows: 3 }; }'],
    [
      'can no longer exit',
      'export default () => { process.exit = () => {}; setInterval(() => {}, 1_000); return { rows: 3 }; }',
    ],
  ] as const)('though it then %s: it is ended, with a warning', { timeout: 20_000 }, async ([, code]) => {
    const { result, events } = await runModule(code);
    expect(result.tasks.a).toMatchObject({ state: 'completed' });
    expect(result.ctx).toMatchObject({ rows: 3 });
    const warnings = events.flatMap((event) =>
      event.type === 'task.log' && event.level === 'warn' ? [event.message] : [],
    );
    expect(warnings).toEqual([expect.stringContaining('returned but its process did not end')]);
  });

  test('and has failed if it set an exit code', async () => {
    const run = await runModule('export default () => { process.exitCode = 3; return { rows: 3 }; }');
    expect(failureOf(run, 'a')).toContain('exited with code 3');
  });
});

describe('a module that has not answered has failed', () => {
  test.for([
    ['it exits', 'export default async () => { process.exit(0); }'],
    ['its import exits', 'process.exit(0); export default 1;'],
    ['it exits, and its listeners are gone', `export default () => { process.removeAllListeners(); process.exit(0); }`],
    ['a timer of it exits', 'export default () => new Promise(() => setTimeout(() => process.exit(0), 10));'],
  ] as const)('although %s with code 0', async ([, code]) => {
    const run = await runModule(code);
    expect(failureOf(run, 'a')).toContain('ended its process before its function returned');
    expect((run.result.tasks.a?.error?.cause as { code?: string }).code).toBe('OUTPUT_MISSING');
  });

  test('if nothing can make it answer any more', async () => {
    const run = await runModule('export default () => new Promise(() => {});');
    expect(run.states).toEqual({ a: 'failed' });
  });
});

describe('an output that JSON does not keep', () => {
  const VALUES: readonly (readonly [code: string, path: string, what: string])[] = [
    ['{ a: new Map([[1, 2]]) }', 'a', 'an instance of Map'],
    ['{ rows: [{ done: new Set() }] }', 'rows[0].done', 'an instance of Set'],
    ['{ n: NaN }', 'n', 'NaN'],
    ['[1, Infinity]', '[1]', 'Infinity'],
    ['{ "a b": { c: 10n } }', '["a b"].c', '10, a bigint'],
    ['() => {}', '', 'a function'],
    ['{ f() {} }', 'f', 'a function'],
    ['{ s: Symbol("x") }', 's', 'a symbol'],
    ['[undefined]', '[0]', 'undefined'],
    ['{ d: new Date(NaN) }', 'd', 'an invalid date'],
    ['{ b: new Uint8Array(2) }', 'b', 'an instance of Uint8Array'],
    ['new Error("no")', '', 'an instance of Error'],
    ['{ p: Promise.resolve(1) }', 'p', 'an instance of Promise'],
    ['{ r: process.stdin }', 'r', 'an instance of ReadStream'],
    ['(() => { const a = { b: [] }; a.b.push(a); return a; })()', 'b[0]', 'a circular reference'],
    ['{ toJSON: () => new Map() }', '', 'an instance of Map'],
    [
      '(() => { let a = []; for (let i = 0; i < 100_000; i++) a = [a]; return a; })()',
      '',
      'nested too deeply: more than 500 lists or mappings within each other',
    ],
    ['new (class Row { id = 1 })()', '', 'an instance of Row'],
  ];

  test.for(VALUES)('fails the module: %s', async ([code, path, what]) => {
    const run = await runModule(`const value = ${code}; export default () => value;`, ', max_retries: 2');
    const { error, attempts, reason } = run.result.tasks.a ?? {};
    expect(error).toMatchObject({ code: 'UNSERIALISABLE_OUTPUT' });
    expect(error?.cause).toBeInstanceOf(SerialisationError);
    expect(error?.cause).toMatchObject({ path });
    expect(error?.message).toContain(`can't be kept as JSON: ${path === '' ? '' : `${path} is `}${what}.`);
    expect({ attempts, reason }).toEqual({ attempts: 1, reason: 'unserialisableOutput' });
  });

  test('keeps the items of a list alone, and -0 as 0', async () => {
    const run = await runModule('export default () => ({ list: Object.assign([-0, 1], { extra: 1 }) });');
    expect(run.result.ctx).toMatchObject({ list: [0, 1] });
  });

  test('fails a command too', async () => {
    const run = await runWorkflow('tasks: [{ name: a, type: node, command: "output({ rows: [new Map()] })" }]');
    expect(run.result.tasks.a?.error).toMatchObject({ code: 'UNSERIALISABLE_OUTPUT', cause: { path: 'rows[0]' } });
  });

  test('fails an item of a fan-out', async () => {
    const run = await runWorkflow(
      'tasks: [{ name: a, type: node, map: { over: [1] }, command: "output({ n: item / 0 })" }]',
    );
    expect(run.result.tasks.a?.state).toBe('failed');
    expect(failureOf(run, 'a')).toContain('n is Infinity');
  });

  test('counts for nothing once another is put out', async () => {
    const run = await runWorkflow(
      'tasks: [{ name: a, type: node, command: "try { output(NaN); } catch { output({ n: 1 }); } process.exitCode = 3" }]',
    );
    expect(failureOf(run, 'a')).toContain('exited with code 3');
  });

  test('is not what JSON converts on purpose', async () => {
    const { result } = await runModule(
      `export default () => ({ at: new Date(0), url: new URL('http://a/'), none: undefined, bare: Object.assign(Object.create(null), { x: null }), shared: (([x]) => [x, x])([{}]) })`,
    );
    expect(result.ctx).toMatchObject({
      at: '1970-01-01T00:00:00.000Z',
      url: 'http://a/',
      bare: { x: null },
      shared: [{}, {}],
    });
    expect(result.ctx).not.toHaveProperty('none');
  });
});
