import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { TaskScope } from '../../../src/engine/definition/task-function.ts';
import { DETAILS } from '../../../src/events/error-data.ts';
import { createMask } from '../../../src/executors/mask/mask.ts';
import { spark } from '../../../src/executors/spark/spark.ts';
import type { Submission } from '../../../src/executors/spark/submission.ts';
import { failureOf, taskScope } from '../../support/task-scope.ts';

const STANDALONE = 'spark://master:7077';
const REST = 'spark://master:6066';
const KUBERNETES = 'k8s://https://10.0.0.1:6443';

describe('an application on a cluster', () => {
  test.for([
    ['yarn', 'application_1764490502000_0001', ['', 'ACCEPTED', 'RUNNING', 'FINISHED']],
    [STANDALONE, 'driver-20261130091502-0001', ['', 'RUNNING', 'FINISHED']],
    [KUBERNETES, 'spark:pi-0001-driver', ['', 'Running', 'Succeeded']],
  ] as const)('tells its id and states as progress: %s', async ([master, id, states]) => {
    const { run, progress, stateOf } = attempt({ master, deployMode: 'cluster', application: 'pi.jar' });
    await run;
    expect(progress).toEqual(states.map((state) => `0 ${id} ${state}`.trim()));
    expect(stateOf(id)).toBe('FINISHED');
  });

  test.for([
    ['yarn', 'application_1764490502000_0001', ['yarn application -kill application_1764490502000_0001']],
    [
      STANDALONE,
      'driver-20261130091502-0001',
      [`spark-class org.apache.spark.deploy.Client kill ${STANDALONE} driver-20261130091502-0001`],
    ],
    [
      KUBERNETES,
      'spark:endless-0001-driver',
      [`spark-submit --kill spark:endless-0001-driver --master ${KUBERNETES} --conf spark.kubernetes.context=test`],
    ],
  ] as const)('is killed when the attempt has to stop, and not only its client: %s', async ([master, id, commands]) => {
    const conf = { 'spark.kubernetes.context': 'test' };
    const { run, abort, kills, stateOf, lines } = attempt(
      { master, deployMode: 'cluster', application: 'endless.jar', conf },
      { when: 'RUNNING' },
    );
    expect(await failureOf(run)).toBe(abort.signal.reason);
    expect(kills()).toEqual(commands);
    expect(stateOf(id)).toBe('KILLED');
    expect(lines).toContain(`info Killed ${id}.`);
  });

  test('is killed as soon as its id is known, if the attempt had to stop before that', async () => {
    const { run, stateOf } = attempt(
      { master: KUBERNETES, deployMode: 'cluster', application: 'endless.jar' },
      { whenLogged: 'State changed', killGraceMs: 10_000 },
    );
    await failureOf(run);
    expect(stateOf('spark:endless-0001-driver')).toBe('KILLED');
  });

  test('is killed by the REST server of the master if that started it', async () => {
    const { run, kills, stateOf } = attempt({ master: REST, deployMode: 'cluster', application: 'lonely.jar' });
    expect(await failureOf(run)).toMatchObject({ code: 'PROCESS_FAILED', signal: 'SIGKILL' });
    expect(kills()).toEqual([`spark-submit --kill driver-20261130091502-0001 --master ${REST}`]);
    expect(stateOf('driver-20261130091502-0001')).toBe('KILLED');
  });

  test('is killed when its client dies, so that no retry runs beside it', async () => {
    const { run, stateOf, lines } = attempt({ master: 'yarn', deployMode: 'cluster', application: 'lonely.py' });
    expect(await failureOf(run)).toMatchObject({ code: 'PROCESS_FAILED', signal: 'SIGKILL' });
    expect(stateOf('application_1764490502000_0001')).toBe('KILLED');
    expect(lines).toContain('info Its log: yarn logs -applicationId application_1764490502000_0001');
  });

  test('that can not be killed is named, with what was tried', async () => {
    const { run, lines } = attempt(
      { master: 'yarn', deployMode: 'cluster', application: 'endless.jar' },
      { when: 'RUNNING', refuse: 'User ada' },
    );
    await failureOf(run);
    expect(lines.at(-1)).toBe(
      'error application_1764490502000_0001 may still run: it could not be killed. yarn application -kill: exit code 255, AccessControlException: *** cannot perform operation MODIFY_APP.',
    );
  });

  test('that failed fails the task, although its client exits with 0', async () => {
    const submission = { deployMode: 'cluster', application: 'fails.jar' } as const;
    const onStandalone = await failureOf(attempt({ ...submission, master: STANDALONE }).run);
    expect(onStandalone).toMatchObject({ name: 'SparkError', code: 'SPARK_FAILED', state: 'FAILED' });
    expect(onStandalone.message).toBe(
      "The Spark application ended so: driver-20261130091502-0001 FAILED. The master's web UI leads to its log.",
    );
    expect(onStandalone[DETAILS]).toEqual({ application: 'driver-20261130091502-0001', state: 'FAILED' });
    const onKubernetes = await failureOf(attempt({ ...submission, master: KUBERNETES }).run);
    expect(onKubernetes.message).toBe(
      'The Spark application ended so: spark:fails-0001-driver Failed. Its log: kubectl logs -n spark fails-0001-driver',
    );
  });

  test('that failed on YARN fails the task by the exit code, and nothing is killed', async () => {
    const { run, kills, progress } = attempt({ master: 'yarn', deployMode: 'cluster', application: 'fails.jar' });
    expect(await failureOf(run)).toMatchObject({ code: 'PROCESS_FAILED', exitCode: 1 });
    expect(progress.at(-1)).toBe('0 application_1764490502000_0001 FAILED');
    expect(kills()).toEqual([]);
  });

  test('runs on if the client is told not to wait; else a client that does not wait is a warning', async () => {
    const submission = { deployMode: 'cluster', application: 'endless.jar' } as const;
    const conf = { 'spark.yarn.submit.waitAppCompletion': 'false' };
    const told = attempt({ ...submission, master: 'yarn', conf });
    await told.run;
    expect(told.lines.filter((line) => line.startsWith('warn'))).toEqual([]);
    expect(told.stateOf('application_1764490502000_0001')).toBe('RUNNING');
    const untold = attempt({ ...submission, master: REST });
    await untold.run;
    expect(untold.lines.at(-1)).toBe(
      'warn spark-submit ended before the application: driver-20261130091502-0001 RUNNING. The task does not wait for it.',
    );
  });

  test('of an attempt that died with tintype is killed before the next one submits', async () => {
    const folder = clusterFolder();
    const submission = { master: 'yarn', deployMode: 'cluster', application: 'pi.jar' } as const;
    writeFileSync(join(folder, 'application_1764490502000_0007'), 'RUNNING');
    const kept = { id: 'application_1764490502000_0007', manager: 'yarn', state: 'RUNNING' };
    const { run, kills, saved, lines } = attempt(submission, { folder, kept });
    await run;
    expect(lines[0]).toBe(
      'warn application_1764490502000_0007, which an earlier attempt submitted, may still run. It is killed first.',
    );
    expect(kills()).toEqual(['yarn application -kill application_1764490502000_0007']);
    expect(readFileSync(join(folder, 'application_1764490502000_0007'), 'utf8').trim()).toBe('KILLED');
    expect(saved).toEqual([expect.objectContaining({ id: 'application_1764490502000_0001' }), null]);
  });
});

describe('an application whose driver runs in the client', () => {
  test('tells the tasks done in a stage, of the log and of the progress bar', async () => {
    const { run, progress } = attempt({ master: STANDALONE, application: 'pi.py' });
    await run;
    const id = 'app-20261130091502-0001';
    expect(progress).toEqual([
      `0 ${id}`,
      `0.25 ${id}, stage 0: 1 of 4 tasks`,
      `0.5 ${id}, stage 0: 2 of 4 tasks`,
      `0 ${id}, stage 1: 0 of 200 tasks`,
      `0.25 ${id}, stage 1: 50 of 200 tasks`,
    ]);
  });

  test('prints its output, and may write it', async () => {
    const { run } = attempt({ master: 'local[2]', application: 'pi.py' }, { output: 'json' });
    expect(await failureOf(run)).toMatchObject({ code: 'OUTPUT_NOT_JSON' });
    expect(await attempt({ master: 'local[2]', application: 'pi.py' }).run).toEqual({ pi: 3.14 });
  });

  test('logs with the levels of Spark; what has none follows the line before', async () => {
    const { run, lines } = attempt({ application: 'fails.py' });
    expect(await failureOf(run)).toMatchObject({ exitCode: 1 });
    expect(lines.slice(1).map((line) => line.replace(/(?<= )[\d/]+ [\d:]+ /, ''))).toEqual(
      expect.arrayContaining([
        'info INFO SparkContext: Running Spark version 4.0.0',
        'warn WARN HeartbeatReceiver: Removing executor 1 with no recent heartbeats',
        'error java.lang.IllegalStateException: no disk',
      ]),
    );
  });

  test.for([['client'], [undefined]] as const)('dies with it; nobody else is asked: %s', async ([deployMode]) => {
    const { run, kills, stateOf } = attempt(
      { master: 'yarn', deployMode, application: 'endless.py' },
      { when: 'stage' },
    );
    await failureOf(run);
    expect(kills()).toEqual([]);
    expect(stateOf('application_1764490502000_0001')).toBe('KILLED');
  });
});

describe('what is submitted', () => {
  test('is given to spark-submit, the application after the options and before its arguments', async () => {
    const { run, given } = attempt({
      master: STANDALONE,
      deployMode: 'cluster',
      className: 'org.example.Pi',
      application: 'pi.jar',
      args: ['--conf', 'two words'],
      conf: { 'spark.executor.memory': '4g' },
      jars: ['a.jar', 'b.jar'],
      pyFiles: ['c.zip'],
    });
    await run;
    expect(given('driver-20261130091502-0001')).toEqual([
      ...['--master', STANDALONE, '--deploy-mode', 'cluster', '--class', 'org.example.Pi'],
      ...['--jars', 'a.jar,b.jar', '--py-files', 'c.zip', '--conf', 'spark.executor.memory=4g'],
      ...['--conf', 'spark.standalone.submit.waitAppCompletion=true', 'pi.jar', '--conf', 'two words'],
    ]);
  });

  test('is logged without secrets, be they known or so called', async () => {
    const conf = { 'spark.hadoop.fs.s3a.secret.key': 'abc', 'spark.app.name': 'for User ada' };
    const { run, lines } = attempt({ application: 'pi.py', args: ['User ada', "it's"], conf });
    await run;
    expect(lines[0]).toBe(
      `info spark-submit --conf 'spark.hadoop.fs.s3a.secret.key=***' --conf 'spark.app.name=for ***' pi.py '***' 'it'\\''s'`,
    );
  });

  test('needs spark-submit on the PATH, or in SPARK_HOME', async () => {
    const none = { SPARK_HOME: undefined, PATH: '/nowhere' };
    expect(await failureOf(attempt({ application: 'pi.py' }, { env: none }).run)).toMatchObject({
      cause: { code: 'PROCESS_NOT_FOUND', programs: ['spark-submit'] },
    });
    const home = mkdtempSync(join(tmpdir(), 'tintype-spark-'));
    onTestFinished(() => rmSync(home, { recursive: true }));
    symlinkSync(FIXTURES, join(home, 'bin'));
    const { run, stateOf } = attempt(
      { master: STANDALONE, deployMode: 'cluster', application: 'endless.jar' },
      { env: { SPARK_HOME: home, PATH: process.env.PATH }, when: 'RUNNING' },
    );
    await failureOf(run);
    expect(stateOf('driver-20261130091502-0001')).toBe('KILLED');
  });
});

type Settings = {
  /** The attempt is aborted when its progress has this word. */
  readonly when?: string;
  /** The attempt is aborted when a line of the log has this text. */
  readonly whenLogged?: string;
  readonly killGraceMs?: number;
  /** A text of the cluster's refusal to kill, which is a secret. */
  readonly refuse?: string;
  readonly folder?: string;
  readonly kept?: unknown;
  readonly output?: 'json';
  readonly env?: Readonly<Record<string, string | undefined>>;
};

/** Runs an attempt with the stand-in for Spark. */
const attempt = (submission: Submission, settings: Settings = {}) => {
  const { when, whenLogged, killGraceMs = 50, refuse, folder = clusterFolder(), kept, output, env } = settings;
  if (refuse !== undefined) writeFileSync(join(folder, 'refuse'), '');
  const abort = new AbortController();
  const lines: string[] = [];
  const progress: string[] = [];
  const saved: unknown[] = [];
  const scope: TaskScope = {
    ...taskScope(abort.signal, (line) => {
      lines.push(line);
      if (whenLogged !== undefined && line.includes(whenLogged)) abort.abort(new Error('stop'));
    }),
    checkpoint: <Value>() => ({
      last: kept as Value,
      save: async (value: Value) => {
        saved.push(value);
      },
    }),
    progress: (fraction, message) => {
      progress.push(`${fraction} ${message}`);
      if (when !== undefined && message?.toUpperCase().includes(when.toUpperCase())) abort.abort(new Error('stop'));
    },
  };
  const run = spark(() => ({
    submission,
    options: {
      killGraceMs,
      output,
      mask: createMask(['User ada']),
      env: { SPARK_HOME: undefined, PATH: `${FIXTURES}:${process.env.PATH}`, SPARK_STAND_IN: folder, ...env },
    },
  }))(scope);
  const read = (name: string): string => readFileSync(join(folder, name), 'utf8').trim();
  return {
    run: Promise.resolve(run),
    abort,
    lines,
    progress,
    saved,
    kills: () => (existsSync(join(folder, 'kills')) ? read('kills').split('\n') : []),
    stateOf: (id: string) => (readdirSync(folder).includes(id) ? read(id) : undefined),
    given: (id: string) => read(`${id}.args`).split('\n'),
  };
};

const FIXTURES = join(import.meta.dirname, '../../fixtures/spark');

/** A folder in which the stand-in keeps its applications. */
const clusterFolder = (): string => {
  const folder = mkdtempSync(join(tmpdir(), 'tintype-spark-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
};
