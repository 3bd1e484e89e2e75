import { describe, expect, test } from 'vitest';
import { jobFrom } from '../../src/engine/job-from.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';

// A file has no Infinity: it says "no limit" by leaving the key out.
const VALUES = [
  ...[-1, 0, 0.5, 1, 1.5, 1000, true, false, null, [], ['up'], {}],
  ...['', '1', 'none', 'fixed', 'linear', 'exponential', 'full', 'equal', 'abort', 'drain', 'continue', 'all'],
  ...['allSuccess', 'allDone', 'allFailed', 'oneSuccess', 'oneFailed', 'oneDone', 'noneSkipped', 'always', 'never'],
  ...['noneFailed', 'noneFailedMinOneSuccess', 'allSkipped', '5%', '12.5%', '100%', '101%', '%'],
];

type Row = readonly [key: string, inFile: (value: unknown) => object, inProgram: (value: unknown) => object];

describe('a file takes the values that the library takes, for', () => {
  const command = { type: 'bash', command: 'true' };
  const run = { run: () => {} };
  const file = { type: 'sensor', file: 'x' };
  const sensor = { kind: 'sensor', check: () => {} };

  test.for<Row>([
    ['dependencies', (value) => ({ ...command, dependencies: value }), (value) => ({ ...run, dependsOn: value })],
    ['trigger', (value) => ({ ...command, trigger: snakeCase(value) }), (value) => ({ ...run, trigger: value })],
    ['priority', (value) => ({ ...command, priority: value }), (value) => ({ ...run, priority: value })],
    ['estimate', (value) => ({ ...command, estimate: value }), (value) => ({ ...run, estimate: value })],
    ['deadline', (value) => ({ ...command, deadline: value }), (value) => ({ ...run, deadline: value })],
    ['timeout', (value) => ({ ...command, timeout: value }), (value) => ({ ...run, timeout: value })],
    ['max_retries', (value) => ({ ...command, max_retries: value }), (value) => ({ ...run, maxRetries: value })],
    [
      'continue_on_failure',
      (value) => ({ ...command, continue_on_failure: value }),
      (value) => ({ ...run, continueOnFailure: value }),
    ],
    ['slots', (value) => ({ ...command, pool: '1', slots: value }), (value) => ({ ...run, pool: '1', slots: value })],
    ['retry', (value) => ({ ...command, retry: value }), (value) => ({ ...run, retry: value })],
    [
      'retry.backoff',
      (value) => ({ ...command, retry: { backoff: value } }),
      (value) => ({ ...run, retry: { backoff: value } }),
    ],
    [
      'retry.delay',
      (value) => ({ ...command, retry: { delay: value } }),
      (value) => ({ ...run, retry: { delayMs: value } }),
    ],
    [
      'retry.factor',
      (value) => ({ ...command, retry: { factor: value } }),
      (value) => ({ ...run, retry: { factor: value } }),
    ],
    [
      'retry.max_delay',
      (value) => ({ ...command, retry: { max_delay: value } }),
      (value) => ({ ...run, retry: { maxDelayMs: value } }),
    ],
    [
      'retry.jitter',
      (value) => ({ ...command, retry: { jitter: value } }),
      (value) => ({ ...run, retry: { jitter: value } }),
    ],
    [
      'map.max_failures',
      (value) => ({ ...command, map: { over: [1], max_failures: value } }),
      (value) => ({ kind: 'map', over: [1], each: () => {}, maxFailures: value }),
    ],
    [
      'map.collect',
      (value) => ({ ...command, map: { over: [1], collect: value } }),
      (value) => ({ kind: 'map', over: [1], each: () => {}, collect: value }),
    ],
    [
      'map.rate_limit.limit',
      (value) => ({ ...command, map: { over: [1], rate_limit: { limit: value } } }),
      (value) => ({ kind: 'map', over: [1], each: () => {}, rateLimit: { limit: value, periodMs: 1000 } }),
    ],
    [
      'map.concurrency',
      (value) => ({ ...command, map: { over: [1], concurrency: value } }),
      (value) => ({ kind: 'map', over: [1], each: () => {}, concurrency: value }),
    ],
    ['interval', (value) => ({ ...file, interval: value }), (value) => ({ ...sensor, interval: value })],
    ['backoff', (value) => ({ ...file, backoff: value }), (value) => ({ ...sensor, backoff: value })],
    ['factor', (value) => ({ ...file, factor: value }), (value) => ({ ...sensor, factor: value })],
    ['max_interval', (value) => ({ ...file, max_interval: value }), (value) => ({ ...sensor, maxInterval: value })],
    ['soft_fail', (value) => ({ ...file, soft_fail: value }), (value) => ({ ...sensor, softFail: value })],
    [
      'heartbeat_timeout',
      (value) => ({ type: 'external', heartbeat_timeout: value }),
      (value) => ({ kind: 'external', heartbeatTimeout: value }),
    ],
    [
      'on_missed_heartbeat',
      (value) => ({ type: 'external', on_missed_heartbeat: value }),
      (value) => ({ kind: 'external', onMissedHeartbeat: value }),
    ],
    ['owner', (value) => ({ type: 'external', owner: value }), (value) => ({ kind: 'external', owner: value })],
    ['data', (value) => ({ type: 'external', data: value }), (value) => ({ kind: 'external', data: value })],
  ])('%s of a task', ([, inFile, inProgram]) => {
    const [pools, up, here] = [{ 1: 2000 }, { name: 'up' }, { name: 'here' }];
    const inFiles = accepted((value) =>
      parse({
        name: 'w',
        pools,
        tasks: [
          { ...up, ...command },
          { ...here, ...inFile(value) },
        ],
      }),
    );
    const inPrograms = accepted((value) =>
      jobFrom(
        'w',
        [
          { ...up, ...run },
          { ...here, ...inProgram(value) },
        ] as never,
        { pools },
      ),
    );
    expect(inFiles).toEqual(inPrograms);
  });

  test.for<Row>([
    ['timeout', (value) => ({ timeout: value }), (value) => ({ timeout: value })],
    ['workers', (value) => ({ workers: value }), (value) => ({ maxConcurrency: value })],
    ['on_failure', (value) => ({ on_failure: value }), (value) => ({ onFailure: value })],
    ['logs.first', (value) => ({ logs: { first: value } }), (value) => ({ logs: { first: value } })],
    ['logs.last', (value) => ({ logs: { last: value } }), (value) => ({ logs: { last: value } })],
    ['logs.max_bytes', (value) => ({ logs: { max_bytes: value } }), (value) => ({ logs: { maxBytes: value } })],
    ['pools', (value) => ({ pools: value }), (value) => ({ pools: value })],
    ['pools.p', (value) => ({ pools: { p: value } }), (value) => ({ pools: { p: value } })],
    ['pools.p.slots', (value) => ({ pools: { p: { slots: value } } }), (value) => ({ pools: { p: { slots: value } } })],
    [
      'pools.p.limit',
      (value) => ({ pools: { p: { limit: value, period: 5 } } }),
      (value) => ({ pools: { p: { limit: value, periodMs: 5 } } }),
    ],
    [
      'pools.p.period',
      (value) => ({ pools: { p: { limit: 5, period: value } } }),
      (value) => ({ pools: { p: { limit: 5, periodMs: value } } }),
    ],
    [
      'pools.p.period without a limit',
      (value) => ({ pools: { p: { slots: 5, period: value } } }),
      (value) => ({ pools: { p: { slots: 5, periodMs: value } } }),
    ],
  ])('%s', ([, inFile, inProgram]) => {
    const inFiles = accepted((value) => parse({ name: 'w', tasks: [{ name: 'up', ...command }], ...inFile(value) }));
    const inPrograms = accepted((value) => jobFrom('w', [{ name: 'up', ...run }] as never, inProgram(value)));
    expect(inFiles).toEqual(inPrograms);
  });
});

const parse = (file: object): unknown => parseWorkflow(JSON.stringify(file), 'w.yaml');

const accepted = (take: (value: unknown) => unknown): readonly unknown[] =>
  VALUES.filter((value) => {
    try {
      take(value);
      return true;
    } catch {
      return false;
    }
  });

const snakeCase = (value: unknown): unknown =>
  typeof value === 'string' ? value.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`) : value;
