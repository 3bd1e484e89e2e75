import { setImmediate } from 'node:timers/promises';
import { config } from 'rxjs';
import { eventLogger, type JobEvent, jobFrom, type Logger, notReady, type TaskSpec } from 'tintype';
import { virtualClock } from 'tintype/testing';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

type Level = 'debug' | 'info' | 'warn' | 'error';

const fruit = jobFrom('fruit', [
  { name: 'dice', run: ({ log }) => log.warn('blunt knife', { edge: 3 }) },
  { name: 'blend', dependsOn: ['dice'], run: () => ({ smoothie: 1 }) },
]);

const LINES = [
  'info fruit (f1): idle -> running',
  'debug fruit (f1) dice: unscheduled -> ready',
  'info fruit (f1) dice: ready -> running',
  'warn fruit (f1) dice: blunt knife {"edge":3}',
  'info fruit (f1) dice: running -> completed',
  'debug fruit (f1) blend: unscheduled -> ready',
  'info fruit (f1) blend: ready -> running',
  'info fruit (f1) blend: running -> completed',
  'info fruit (f1): running -> completed',
];

const logger = (write: (level: Level, message: string) => unknown): Logger => ({
  debug: (message) => write('debug', message),
  info: (message) => write('info', message),
  warn: (message) => write('warn', message),
  error: (message) => write('error', message),
});

describe('an option logger', () => {
  test('like console is told of every event, one line each', async () => {
    const lines: string[] = [];
    await fruit.start({}, { jobId: 'f1', logger: logger((level, message) => lines.push(`${level} ${message}`)) });
    expect(lines).toEqual(LINES);
  });

  test('gets one line for each event, whatever a task logs', async () => {
    const lines: string[] = [];
    const forged = jobFrom('forged', [
      { name: 'a', run: ({ log }) => log.info('x\nfruit (f1): done\u001b[31m\u2028') },
    ]);
    await forged.start({}, { jobId: 'f1', logger: logger((_, message) => lines.push(message)) });
    expect(lines).toContain('forged (f1) a: x\\nfruit (f1): done\\u001b[31m\\u2028');
  });

  test('like pino, whose methods need their object, is too', async () => {
    class PinoLike {
      readonly lines: string[] = [];
      readonly #levels = { debug: 20, info: 30, warn: 40, error: 50 };
      #write(level: Level, values: unknown[]): void {
        if (typeof values[0] !== 'string' || values.length !== 1) throw new TypeError('one message, please');
        if (this.#levels[level] > 0) this.lines.push(`${level} ${values[0]}`);
      }
      debug(...values: unknown[]): void {
        this.#write('debug', values);
      }
      info(...values: unknown[]): void {
        this.#write('info', values);
      }
      warn(...values: unknown[]): void {
        this.#write('warn', values);
      }
      error(...values: unknown[]): void {
        this.#write('error', values);
      }
    }
    const pino = new PinoLike();
    await fruit.start({}, { jobId: 'f1', logger: pino });
    expect(pino.lines).toEqual(LINES);
  });

  test('like winston, which is a stream that answers itself, is too', async () => {
    const lines: string[] = [];
    const winston = Object.assign(() => {}, {
      write: (level: Level, message: string) => {
        lines.push(`${level} ${message}`);
        return winston;
      },
      debug: (message: string) => winston.write('debug', message),
      info: (message: string) => winston.write('info', message),
      warn: (message: string) => winston.write('warn', message),
      error: (message: string) => winston.write('error', message),
    }) as Logger & { write: (level: Level, message: string) => Logger };
    await fruit.start({}, { jobId: 'f1', logger: winston });
    expect(lines).toEqual(LINES);
  });

  test('is told how bad things are by its levels', async () => {
    const clock = virtualClock();
    const wait = (ms: number): Promise<void> => new Promise((resolve) => void clock.setTimer(resolve, ms));
    const lines: string[] = [];
    const job = jobFrom('fruit', [
      { name: 'peel', run: ({ progress }) => progress(0.25, 'a quarter') },
      { name: 'chop', maxRetries: 1, run: () => Promise.reject(new Error('blunt')), continueOnFailure: true },
      { name: 'wash', timeout: 5, run: () => wait(8), continueOnFailure: true },
      { name: 'wait', run: () => notReady('no mango') },
      { name: 'mix', dependsOn: ['wait'], run: () => {} },
      { name: 'one', run: () => ({ key: 1 }) },
      { name: 'two', run: () => ({ key: 2 }) },
      { name: 'rest', run: () => wait(10) },
    ]).start({}, { jobId: 'f1', clock, logger: logger((level, message) => lines.push(`${level} ${message}`)) });
    await clock.runAll();
    await job;
    expect(lines).toEqual(
      expect.arrayContaining([
        'debug fruit (f1) peel: 25 % a quarter',
        'warn fruit (f1) chop: running -> retrying (Task "chop" failed in attempt 1: blunt)',
        'error fruit (f1) chop: running -> failed (Task "chop" failed in attempt 2: blunt)',
        'error fruit (f1) wash: running -> failed (Task "wash" timed out in attempt 1, after 5 ms)',
        'debug fruit (f1) wash: attempt 1 succeeded too late, its result was dropped',
        'warn fruit (f1) wait: running -> notReady (no mango)',
        'info fruit (f1) mix: unscheduled -> skipped (upstreamNotReady)',
        'warn fruit (f1): one and two both wrote "key", kept that of two',
      ]),
    );
  });

  describe('that does harm', () => {
    const warnings = vi.spyOn(process, 'emitWarning');
    const unhandled: unknown[] = [];
    const onUnhandled = (reason: unknown): void => void unhandled.push(reason);
    beforeEach(() => {
      warnings.mockReset().mockImplementation(() => {});
      unhandled.length = 0;
      process.on('unhandledRejection', onUnhandled).on('uncaughtException', onUnhandled);
    });
    afterEach(() => {
      process.off('unhandledRejection', onUnhandled).off('uncaughtException', onUnhandled);
      warnings.mockReset();
    });

    test.each([
      [
        'throws an error',
        () => {
          throw new Error('disk full');
        },
      ],
      [
        'throws undefined',
        () => {
          throw undefined;
        },
      ],
      [
        'throws what has no text',
        () => {
          throw Object.create(null);
        },
      ],
      ['answers with a rejection', () => Promise.reject(new Error('disk full'))],
      ['answers with a rejection that has no text', () => Promise.reject(Symbol('disk full'))],
    ])('because it %s is warned about once, and harms neither the job nor its subscribers', async (_how, write) => {
      const job = fruit.start({}, { logger: logger(write) });
      const events: JobEvent[] = [];
      job.events$.subscribe((event) => events.push(event));
      expect((await job).state).toBe('completed');
      for (let turn = 0; turn < 5; turn++) await setImmediate();
      expect(events).toHaveLength(LINES.length);
      expect(warnings).toHaveBeenCalledTimes(1);
      expect(String(warnings.mock.calls[0]?.[0])).toContain('logger');
      expect(unhandled).toEqual([]);
    });

    test('because its inspect hook throws is warned about once, and the job goes on', async () => {
      let calls = 0;
      const job = fruit.start(
        {},
        {
          inspect: () => {
            calls++;
            throw new Error('inspector gone');
          },
        },
      );
      for (let turn = 0; turn < 20 && job.state !== 'completed'; turn++) await setImmediate();
      expect(job.state).toBe('completed');
      expect(calls).toBeGreaterThan(0);
      expect(warnings).toHaveBeenCalledTimes(1);
      expect(unhandled).toEqual([]);
    });
  });
});

describe('eventLogger', () => {
  test('prints the transitions as daguerreo does, and nothing else', async () => {
    const lines: string[] = [];
    const job = fruit.start({});
    job.events$.subscribe(eventLogger((line) => lines.push(line)));
    await job;
    expect(lines).toEqual([
      'JOB > idle -> running',
      'dice > unscheduled -> ready',
      'dice > ready -> running',
      'dice > running -> completed',
      'blend > unscheduled -> ready',
      'blend > ready -> running',
      'blend > running -> completed',
      'JOB > running -> completed',
    ]);
  });

  test('prints to the console unless it is told where', async () => {
    const log = vi.spyOn(console, 'log').mockImplementation(() => {});
    const job = jobFrom('nothing', []).start({});
    job.events$.subscribe(eventLogger());
    await job;
    const lines = log.mock.calls.map(([line]) => line);
    log.mockRestore();
    expect(lines).toEqual(['JOB > idle -> running', 'JOB > running -> completed']);
  });
});

describe('a task', () => {
  const eventsOf = async (run: TaskSpec['run']): Promise<JobEvent[]> => {
    const job = jobFrom('fruit', [{ name: 'dice', maxRetries: 1, run }]).start({});
    const events: JobEvent[] = [];
    job.events$.subscribe((event) => events.push(event));
    await job;
    return events.filter((event) => event.type === 'task.log' || event.type === 'task.progress');
  };

  test('logs at four levels, each call an event that names its attempt', async () => {
    const events = await eventsOf(({ log, attempt }) => {
      log.debug('sharpening');
      log.info('dicing', { pieces: 3 });
      log.warn('slipped', [1, null]);
      log.error('cut', 'deep');
      if (attempt === 1) throw new Error('ouch');
    });
    expect(events.slice(0, 4)).toEqual([
      expect.objectContaining({ type: 'task.log', task: 'dice', attempt: 1, level: 'debug', message: 'sharpening' }),
      expect.objectContaining({ level: 'info', message: 'dicing', data: { pieces: 3 } }),
      expect.objectContaining({ level: 'warn', message: 'slipped', data: [1, null] }),
      expect.objectContaining({ level: 'error', message: 'cut', data: 'deep' }),
    ]);
    expect(events[0]).not.toHaveProperty('data');
    expect(events.slice(4).map((event) => 'attempt' in event && event.attempt)).toEqual([2, 2, 2, 2]);
  });

  test('logs data as it was at the call, made safe for JSON', async () => {
    const pieces = [1];
    const cyclic: { self?: unknown } = {};
    cyclic.self = cyclic;
    const [counted, failed, sized, circular] = await eventsOf(({ log }) => {
      log.info('counted', pieces);
      pieces.push(2);
      log.info('failed', new TypeError('blunt', { cause: 'rust' }));
      log.info('sized', { size: 10n, at: new Date(0), inner: new Error('deep') });
      log.info('circular', cyclic);
    });
    expect(counted).toMatchObject({ data: [1] });
    expect(failed).toMatchObject({ data: { name: 'TypeError', message: 'blunt', cause: { message: 'rust' } } });
    expect(sized).toMatchObject({
      data: { size: '10', at: '1970-01-01T00:00:00.000Z', inner: { name: 'Error', message: 'deep' } },
    });
    expect(typeof (circular as { data?: unknown }).data).toBe('string');
  });

  test('publishes its progress from 0 to 1, with or without words', async () => {
    const events = await eventsOf(({ progress }) => {
      progress(0);
      progress(0.5, 'half way');
      progress(1);
    });
    expect(events).toEqual([
      expect.objectContaining({ type: 'task.progress', task: 'dice', attempt: 1, fraction: 0 }),
      expect.objectContaining({ fraction: 0.5, message: 'half way' }),
      expect.objectContaining({ fraction: 1 }),
    ]);
    expect(events[0]).not.toHaveProperty('message');
  });

  test.each([
    [-0.1],
    [1.1],
    [Number.NaN],
    [Number.POSITIVE_INFINITY],
  ])('is told that a progress of %d is none', async (fraction) => {
    const job = jobFrom('fruit', [{ name: 'dice', run: ({ progress }) => progress(fraction) }]).start({});
    const { error } = await job;
    expect(error?.rootCause()).toMatchObject({ code: 'INVALID_OPTION' });
    expect(String(error?.rootCause())).toContain(String(fraction));
  });

  test('reports no progress and no log once its job is over', async () => {
    const clock = virtualClock();
    let report = (): void => {};
    const job = jobFrom('fruit', [
      {
        name: 'dice',
        run: ({ progress, log }) => {
          report = () => {
            progress(0.5);
            log.info('still here');
          };
          return new Promise(() => {});
        },
      },
    ]).start({}, { clock });
    const events: JobEvent[] = [];
    job.events$.subscribe((event) => events.push(event));
    await clock.advance(1);
    report();
    await job.cancel();
    report();
    expect(events.filter(({ type }) => type === 'task.progress' || type === 'task.log')).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ type: 'job.transition', to: 'cancelled' });
  });
});

test('eventLogger throws nothing, whatever it writes with: RxJS would end the process', async () => {
  const reported: unknown[] = [];
  config.onUnhandledError = (error) => reported.push(error);
  const job = jobFrom('job', [{ name: 'a', run: () => {} }]).start();
  job.events$.subscribe(
    eventLogger(() => {
      throw new Error('no paper');
    }),
  );
  expect((await job.result()).state).toBe('completed');
  await new Promise((resolve) => setTimeout(resolve, 0));
  expect(reported).toEqual([]);
  config.onUnhandledError = null;
});
