import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { createEngine, defineJob, type JobError, jobFrom, memoryJournal, NonRetryableError } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { describe, expect, test } from 'vitest';

const lines = readFileSync(fileURLToPath(import.meta.url), 'utf8').split('\n');

const isOfPackage = (frame: string): boolean => /[\\/]src[\\/]|node_modules[\\/]rxjs/.test(frame);

/** Returns what a function throws or rejects with. */
const thrownBy = async (act: () => unknown): Promise<Error> => {
  try {
    await act();
  } catch (error) {
    return error as Error;
  }
  throw new Error('nothing was thrown');
};

/** The source line of a stack's first frame, as far as it is in this file. */
const firstLine = (error: Error): string => {
  const frame = framesOf(error)[0] ?? '';
  const number = /stack\.test\.ts:(\d+):\d+\)?$/.exec(frame)?.[1];
  return number === undefined ? frame : (lines[Number(number) - 1] as string).trim();
};

const framesOf = ({ stack = '', message }: Error): string[] =>
  stack.slice(stack.indexOf(message) + message.length + 1).split('\n');

const bad = { timeout: -1 };
const clock = (): { readonly clock: ReturnType<typeof virtualClock> } => ({ clock: virtualClock() });
const never = (): Promise<void> => new Promise(() => {});

describe('a stack begins with the line of the program', () => {
  const sealed = defineJob('good').task('a', () => {});
  const good = sealed.seal();

  const wrong = defineJob('wrong').task('', () => {});

  test.each<[string, () => unknown]>([
    ['seal', () => wrong.seal()],
    ['task', () => sealed.task('b', () => {})],
    ['jobFrom', () => jobFrom('wrong', [{ name: '', run: () => {} }])],
    ['start of a definition', () => good.start({}, bad)],
    ['start of a builder', () => wrong.start()],
    ['start of an engine', () => createEngine().start(good, {}, bad)],
    ['ancestors', () => good.ancestors('c')],
    ['orThrow', async () => await timedOut().orThrow()],
    ['output', async () => await timedOut().output('slow')],
    ['find', async () => await kept().find('')],
    ['list', async () => await kept().list({ limit: 0 })],
    ['remove', async () => await kept().remove('none')],
    ['prune', async () => await kept().prune({ olderThanMs: -1 })],
    ['resume', async () => await kept().resume('none')],
    ['retry', async () => await kept().retry('none')],
    ['rerun', async () => await kept().rerun('none')],
    ['previewRetry', async () => await kept().previewRetry('none')],
    ['previewRerun', async () => await kept().previewRerun('none')],
    ['recover', async () => await kept().recover({ everyMs: 0 })],
  ])('that called: %s', async (call, act) => {
    const error = await thrownBy(act);
    expect(firstLine(error)).toContain(`['${call}', `);
    expect(framesOf(error).at(-1)).toMatch(/^ {4}at … \d+ frames? of tintype$/);
    expect(framesOf(error).filter(isOfPackage)).toEqual([]);
  });

  const kept = () => createEngine({ journal: memoryJournal(), definitions: [good] });
  const timedOut = () => {
    const time = virtualClock();
    const job = defineJob('late').task('slow', { timeout: 10 }, never).start({}, { clock: time });
    void time.advance(10);
    return job;
  };

  test('that threw, if it is the error of a task or of a job', async () => {
    const inner = defineJob('inner').task('leaf', async () => {
      await null;
      throw new Error('at fault'); // threw
    });
    const outer = defineJob('outer').job('in', {}, inner.seal());
    const error = (await thrownBy(() => outer.start({}, clock()).orThrow())) as JobError;
    for (let each: unknown = error; each !== error.rootCause(); each = (each as Error).cause) {
      expect(firstLine(each as Error)).toContain('// threw');
      expect(framesOf(each as Error).filter(isOfPackage)).toEqual([]);
    }
    expect(error.stack).toMatch(/^JobError: Job "outer" failed: /);
  });

  test('however deep within tintype it was found, and whatever the limit of the program', async () => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 1;
    try {
      const error = await thrownBy(() => createEngine().start(good, {}, bad)); // limited
      expect(firstLine(error)).toContain('// limited');
      expect(framesOf(error)).toHaveLength(2);
      expect(Error.stackTraceLimit).toBe(1);
    } finally {
      Error.stackTraceLimit = limit;
    }
  });

  test('and is as the language makes it, if the program created the error', () => {
    expect(firstLine(new NonRetryableError('mine'))).toContain('mine');
    expect(new NonRetryableError('mine').stack).not.toContain('of tintype');
  });
});

test('a message that looks like a stack is not taken for one', async () => {
  const message = 'failed remotely\n    at elsewhere (/srv/elsewhere.js:1:1)';
  const job = defineJob('remote').task('call', () => {
    throw new Error(message); // remote
  });
  expect(firstLine(await thrownBy(() => job.start().orThrow()))).toContain('// remote');
});

test('a job in which no task fails captures no stack', async () => {
  const { captureStackTrace } = Error;
  let captured = 0;
  Error.captureStackTrace = (...args) => {
    captured += 1;
    captureStackTrace(...args);
  };
  try {
    const job = jobFrom(
      'many',
      Array.from({ length: 100 }, (_, n) => ({ name: `t${n}`, run: () => ({ [`t${n}`]: n }) })),
    );
    await job.start({}, clock()).orThrow();
    expect(captured).toBe(0);
    await thrownBy(() => job.start({}, bad));
    expect(captured).toBe(1);
  } finally {
    Error.captureStackTrace = captureStackTrace;
  }
});

describe('the message of orThrow ends with the root cause', () => {
  const messageOf = async (act: () => unknown): Promise<string> => (await thrownBy(act)).message;
  const failing = (thrown: unknown) =>
    defineJob('load').task('fetch', () => {
      throw thrown;
    });

  test.each<[string, unknown, string]>([
    [
      'of an error with causes',
      new Error('fetch failed', { cause: new Error('refused', { cause: 'port 1' }) }),
      'fetch failed: port 1',
    ],
    ['of a sentence', new Error('It failed.', { cause: new Error('refused') }), 'It failed: refused'],
    ['once, if the error repeats it', new Error('fetch: refused', { cause: new Error('refused') }), 'fetch: refused'],
    [
      'as a code, if it has no message',
      new Error('fetch', { cause: Object.assign(new AggregateError([]), { code: 'ECONNREFUSED' }) }),
      'fetch: ECONNREFUSED',
    ],
    ['of an error without causes', new Error('refused'), 'refused'],
  ])('%s', async (_, thrown, end) => {
    expect(await messageOf(() => failing(thrown).start().orThrow())).toBe(
      `Job "load" failed: Task "fetch" failed in attempt 1: ${end}`,
    );
  });

  test('of nested jobs', async () => {
    const inner = failing(new Error('fetch failed', { cause: new Error('refused') })).seal();
    const outer = defineJob('outer').job('in', {}, inner);
    expect(await messageOf(() => outer.start().orThrow())).toMatch(/failed in attempt 1: fetch failed: refused$/);
  });

  test('of the task that failed before the job timed out', async () => {
    const time = virtualClock();
    const job = failing(new Error('refused'))
      .task('slow', never)
      .start({}, { clock: time, timeout: 10, onFailure: 'continue' });
    void time.advance(10);
    expect(await messageOf(() => job.orThrow())).toBe(
      'Job "load" was not done within 10 ms. Before that: Task "fetch" failed in attempt 1: refused',
    );
  });
});
