import { existsSync, mkdtempSync, readFileSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, expect, test, vi } from 'vitest';
import { createActor, createMachine } from 'xstate';
import { defineJob } from '../../src/index.ts';
import { inspectToFile } from '../../src/inspect.ts';
import { COMPLETED_JOB, COMPLETED_TASK, type Inspected, storiesOf } from '../support/inspected.ts';
import { runWorkflow } from '../support/run-workflow.ts';
import { smoothie } from '../support/smoothie.ts';

const folder = mkdtempSync(join(tmpdir(), 'tintype-inspect-'));
const fileOf = (name: string): string => join(folder, `${name}.jsonl`);

const linesOf = (path: string): Inspected[] =>
  readFileSync(path, 'utf8')
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));

afterEach(() => vi.restoreAllMocks());

test("the file has every actor's start, events and end, with the tasks below their job", async () => {
  const inspection = await inspectToFile(fileOf('smoothie'));
  const job = smoothie.start({}, { inspect: inspection });
  await job;
  await inspection.close();
  const lines = linesOf(inspection.path);
  expect(storiesOf(lines)).toEqual({
    [job.id]: COMPLETED_JOB,
    diceBanana: COMPLETED_TASK,
    diceMango: COMPLETED_TASK,
    blend: COMPLETED_TASK,
    garnish: COMPLETED_TASK,
  });
  const [jobActor, ...tasks] = lines.filter(({ type }) => type === '@xstate.actor');
  expect(tasks.map(({ parentId }) => parentId)).toEqual(Array(4).fill(jobActor?.sessionId));
  expect(new Set(lines.map(({ rootId }) => rootId))).toEqual(new Set([jobActor?.sessionId]));
});

test('a new file is for its owner alone, an old one is replaced', async () => {
  const path = fileOf('owner');
  for (const jobs of [2, 1]) {
    await using inspection = await inspectToFile(path);
    for (let count = 0; count < jobs; count++) await smoothie.start({}, { inspect: inspection });
    await inspection.close();
    expect(linesOf(path).filter(({ parentId, type }) => type === '@xstate.actor' && !parentId)).toHaveLength(jobs);
  }
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

const leaky = defineJob('leaky')
  .task('login', { maxRetries: 1 }, ({ attempt }) => {
    if (attempt === 1) throw new Error('wrong password', { cause: { code: 'EAUTH' } });
    return { token: 'hunter2', size: 12n };
  })
  .seal();

test('outputs stay out of the file, errors are plain data without a stack', async () => {
  await using inspection = await inspectToFile(fileOf('secret'));
  await leaky.start({}, { inspect: inspection });
  await inspection.close();
  expect(readFileSync(inspection.path, 'utf8')).not.toMatch(/hunter2|"stack"/);
  const failed = linesOf(inspection.path).find(({ event }) => event?.type === 'attempt.failed');
  expect(failed?.event?.error).toMatchObject({ code: 'TASK_FAILED', cause: { message: 'wrong password' } });
});

test('outputs: true writes them, also what JSON does not have', async () => {
  await using inspection = await inspectToFile(fileOf('outputs'), { outputs: true });
  await leaky.start({}, { inspect: inspection });
  await inspection.close();
  const succeeded = linesOf(inspection.path).filter(({ event }) => event?.type === 'attempt.succeeded');
  expect(succeeded.map(({ event }) => event?.output)).toEqual(Array(2).fill({ token: 'hunter2', size: '12' }));
});

test('a secret of a workflow file is masked, in outputs and in errors', async () => {
  await using inspection = await inspectToFile(fileOf('workflow'), { outputs: true });
  const text = `secrets: [TOKEN]
tasks:
  - { name: shows, type: bash, command: 'echo "<$TOKEN>"', output: text }
  - { name: fails, type: bash, command: 'echo "<$TOKEN>" >&2; exit 1' }`;
  const { states } = await runWorkflow(text, { env: { TOKEN: 'hunter2-hunter2' }, start: { inspect: inspection } });
  await inspection.close();
  expect(states).toEqual({ shows: 'completed', fails: 'failed' });
  const written = readFileSync(inspection.path, 'utf8');
  expect(written).toContain('<***>');
  expect(written).not.toContain('hunter2');
});

test('a closed inspection ignores what comes, and closes once', async () => {
  const inspection = await inspectToFile(fileOf('closed'));
  await Promise.all([inspection.close(), inspection.close()]);
  await smoothie.start({}, { inspect: inspection });
  expect(linesOf(inspection.path)).toEqual([]);
});

test('an actor of the program is inspected like those of a job', async () => {
  const inspection = await inspectToFile(fileOf('own'));
  const toggle = createMachine({ id: 'toggle', initial: 'off', states: { off: { on: { press: 'on' } }, on: {} } });
  createActor(toggle, { inspect: inspection }).start().send({ type: 'press' });
  await inspection.close();
  expect(storiesOf(linesOf(inspection.path)).toggle?.at(-1)).toBe('press → active on');
});

test('a file that can’t be opened is refused, with the path and the reason', async () => {
  const path = join(folder, 'nowhere', 'smoothie.jsonl');
  await expect(inspectToFile(path)).rejects.toMatchObject({
    code: 'INSPECTION_FAILED',
    message: expect.stringContaining(`can't write to ${path}: ENOENT`),
    cause: { code: 'ENOENT' },
  });
  await expect(inspectToFile('')).rejects.toMatchObject({ code: 'INVALID_OPTION' });
  const options = { output: true } as object;
  await expect(inspectToFile(fileOf('never'), options)).rejects.toThrow(/no option "output"\. Did you mean "outputs"/);
  expect(existsSync(fileOf('never'))).toBe(false);
});

test.runIf(existsSync('/dev/full'))('on a full disk the job continues and warns once, and close rejects', async () => {
  const warn = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
  const inspection = await inspectToFile('/dev/full');
  expect((await smoothie.start({}, { inspect: inspection })).state).toBe('completed');
  await vi.waitUntil(() => smoothie.start({}, { inspect: inspection }).then(() => warn.mock.calls.length > 0), 10_000);
  expect(warn).toHaveBeenCalledExactlyOnceWith(expect.stringContaining('ENOSPC'), { code: 'TINTYPE_SHIELDED' });
  await smoothie.start({}, { inspect: inspection });
  expect(warn).toHaveBeenCalledTimes(1);
  await expect(inspection.close()).rejects.toMatchObject({ code: 'INSPECTION_FAILED', cause: { code: 'ENOSPC' } });
});
