import { Writable } from 'node:stream';
import { type Logger as Pino, pino } from 'pino';
import { createEngine, jobFrom, type Logger } from 'tintype';
import { type PinoLogger, pinoEvents } from 'tintype/pino';
import { seededRandom, virtualClock } from 'tintype/testing';
import { describe, expect, test, vi } from 'vitest';

/** A logger of pino, and the lines that it has written, as data. */
const memory = (level = 'debug') => {
  const lines: Readonly<Record<string, unknown>>[] = [];
  const stream = new Writable({
    write: (chunk, _, done) => {
      for (const line of String(chunk).trimEnd().split('\n')) lines.push(JSON.parse(line));
      done();
    },
  });
  const logger: Pino = pino({ level, base: null, timestamp: false, redact: ['data.password'] }, stream);
  return { logger, lines };
};

const START = Date.UTC(2026, 0, 1);

const shop = () => {
  const clock = virtualClock(START);
  const nap = (ms: number) => new Promise<void>((resolve) => void clock.setTimer(resolve, ms));
  let tries = 0;
  const definition = jobFrom('shop', [
    {
      name: 'reserve',
      maxRetries: 1,
      retry: { delayMs: 100 },
      run: async ({ log }) => {
        log.info('reserving', { order: 7, password: 'x' });
        await nap(20);
        if (++tries === 1) throw new TypeError('busy');
        return { reserved: 'secret output' };
      },
    },
    { name: 'each', kind: 'map', dependsOn: ['reserve'], over: [1], each: () => {} },
    {
      name: 'pay',
      dependsOn: ['each'],
      run: () => {
        throw Object.assign(new Error('no funds'), { code: 'E_FUNDS' });
      },
    },
    { name: 'ship', dependsOn: ['pay'], run: () => {} },
  ]);
  return { clock, definition, start: { clock, jobId: 's1', random: seededRandom(1) } };
};

const ENDS = { from: 'running', to: 'failed', reason: 'error' };

const withoutStacks = (lines: readonly unknown[]): unknown =>
  JSON.parse(JSON.stringify(lines).replace(/,"stack":"(?:[^"\\]|\\.)*"/g, ''));

describe('the option logger with pino', () => {
  test('gets objects: what is logged of a task that is tried twice, of one that fails, and of their job', async () => {
    const { logger, lines } = memory('info');
    const { clock, definition, start } = shop();
    const job = definition.start({}, { ...start, logger });
    await clock.runAll();
    await job;
    const about = { jobId: 's1', jobName: 'shop' };
    const task = 'task.transition';
    expect(withoutStacks(lines.slice(0, 4))).toEqual([
      { level: 30, ...about, event: 'job.transition', from: 'idle', to: 'running', msg: 'idle -> running' },
      {
        ...{ level: 30, ...about, task: 'reserve', attempt: 1, event: task, from: 'ready', to: 'running' },
        msg: 'reserve: ready -> running',
      },
      {
        ...{ level: 30, ...about, task: 'reserve', attempt: 1, event: 'task.log' },
        ...{ data: { order: 7, password: '[Redacted]' }, msg: 'reserving' },
      },
      {
        ...{ level: 40, ...about, task: 'reserve', attempt: 1, event: task, from: 'running', to: 'retrying' },
        ...{ reason: 'error', durationMs: 20, dueAt: START + 120 },
        err: {
          // As the serializer of pino has it: with the messages of the causes.
          ...{
            type: 'TaskError',
            name: 'TaskError',
            message: 'Task "reserve" failed in attempt 1: busy: busy',
            code: 'TASK_FAILED',
          },
        },
        msg: expect.stringContaining('reserve: running -> retrying ('),
      },
    ]);
    expect(lines.find(({ msg }) => msg === 'each[0]: running -> completed')).toMatchObject({ task: 'each[0]' });
    const failed = lines.find(({ task, to }) => task === 'pay' && to === 'failed');
    expect(failed).toMatchObject({ level: 50, ...ENDS, durationMs: 0, err: { code: 'TASK_FAILED' } });
    expect(failed?.err).toHaveProperty('stack', expect.stringContaining('caused by: Error: no funds'));
    expect(lines.at(-1)).toMatchObject({
      ...{ level: 50, event: 'job.transition', from: 'running', to: 'failed', durationMs: 140 },
      err: { code: 'JOB_FAILED' },
    });
    expect(JSON.stringify(lines)).not.toContain('secret output');
  });

  test('has one child a job', async () => {
    const { logger } = memory();
    const children = vi.spyOn(logger, 'child');
    const { clock, definition, start } = shop();
    definition.start({}, { ...start, logger });
    await clock.runAll();
    expect(children.mock.calls.map(([bindings]) => bindings)).toEqual([{ jobId: 's1', jobName: 'shop' }]);
  });

  test('asks for the level before it makes anything', async () => {
    const asked: string[] = [];
    const written: string[] = [];
    const write = (level: string) => (fields: unknown) =>
      void written.push(`${level} ${Object.keys(fields as object)[0]}`);
    const quiet = {
      ...{ debug: write('debug'), info: write('info'), warn: write('warn'), error: write('error') },
      child: () => quiet,
      isLevelEnabled: (level: string) => {
        asked.push(level);
        return level === 'error';
      },
    };
    const second = shop();
    second.definition.start({}, { ...second.start, logger: quiet });
    await second.clock.runAll();
    expect(new Set(asked)).toEqual(new Set(['debug', 'info', 'warn', 'error']));
    expect(written).toEqual(['error task', 'error event']);
  });

  test('keeps the code of a cause if its serializer does', async () => {
    const { logger: plain, lines } = memory('error');
    const logger = plain.child({}, { serializers: { err: pino.stdSerializers.errWithCause } });
    const { clock, definition, start } = shop();
    definition.start({}, { ...start, logger });
    await clock.runAll();
    expect(lines[0]?.err).toMatchObject({ code: 'TASK_FAILED', cause: { type: 'Error', code: 'E_FUNDS' } });
  });

  test('that throws harms no job, and the process warns once', async () => {
    const warning = vi.spyOn(process, 'emitWarning').mockImplementation(() => {});
    const broken = (): never => {
      throw new Error('disk full');
    };
    const logger: Logger = { debug: broken, info: broken, warn: broken, error: broken, child: () => logger };
    const job = jobFrom('one', [{ name: 'a', run: () => ({ a: 1 }) }]).start({}, { logger });
    expect((await job).ctx).toEqual({ a: 1 });
    const noChild: Logger = { ...logger, child: broken };
    expect((await jobFrom('two', [{ name: 'a', run: () => ({ a: 1 }) }]).start({}, { logger: noChild })).ctx).toEqual({
      a: 1,
    });
    expect(warning.mock.calls.map(([message]) => message)).toEqual([
      'The logger of a job threw: disk full. The job goes on.',
      'The logger of a job threw: disk full. The job goes on.',
    ]);
    warning.mockRestore();
  });

  test('winston, which has log and child, gets text', async () => {
    const lines: unknown[][] = [];
    const write = (...values: unknown[]) => void lines.push(values);
    const logger = { debug: write, info: write, warn: write, error: write, log: write, child: () => logger };
    await jobFrom('one', [{ name: 'a', run: () => {} }]).start({}, { logger, jobId: 'j' });
    expect(lines[0]).toEqual(['one (j): idle -> running']);
    expect(lines.every((values) => values.length === 1)).toBe(true);
  });
});

describe('pinoEvents', () => {
  test('logs all jobs of an engine, from a level on, and lets go of each child at the end of its job', async () => {
    const { logger, lines } = memory('debug');
    const made = vi.spyOn(logger, 'child');
    const engine = createEngine();
    engine.events$.subscribe(pinoEvents(logger, { level: 'info' }));
    const definition = jobFrom('one', [{ name: 'a', run: ({ log }) => log.debug('fine') }]);
    for (const jobId of ['j1', 'j2']) await engine.start(definition, {}, { jobId });
    expect(lines.map(({ level, jobId, msg }) => `${level} ${jobId} ${msg}`)).toEqual(
      ['j1', 'j2'].flatMap((id) => [
        `30 ${id} idle -> running`,
        `30 ${id} a: ready -> running`,
        `30 ${id} a: running -> completed`,
        `30 ${id} running -> completed`,
      ]),
    );
    expect(made).toHaveBeenCalledTimes(2);
    // A retried job, whose child was let go, gets another one.
    await engine.start(definition, {}, { jobId: 'j3' });
    expect(made).toHaveBeenCalledTimes(3);
  });

  test('refuses what is no logger, and a level that there is not', () => {
    const { logger } = memory();
    expect(() => pinoEvents(console as unknown as PinoLogger)).toThrow(
      expect.objectContaining({
        code: 'INVALID_OPTION',
        message: expect.stringContaining('debug, info, warn, error, child'),
      }),
    );
    expect(() => pinoEvents(logger, { level: 'trace' as 'debug' })).toThrow(
      'expected one of "debug", "info", "warn", "error"',
    );
    expect(() => pinoEvents(logger, { levle: 'info' } as object)).toThrow('Did you mean "level"');
  });
});
