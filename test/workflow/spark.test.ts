// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import type { JobEvent } from '../../src/events/event.ts';
import { processGroupsGone } from '../../src/executors/process/group.ts';
import { virtualClock } from '../../src/testing/virtual-clock.ts';
import { tintype, workflowFile } from '../support/cli.ts';
import { failureOf, problemsOf, type RunSettings, runWorkflow, type WorkflowRun } from '../support/run-workflow.ts';

describe('a spark task', () => {
  test('submits what its expressions give, and its output is what it prints or writes', async () => {
    const run = await onCluster(`
params: { day: 2026-11-30, memory: 4 }
tasks:
  - name: pi
    type: spark
    master: local[2]
    application: "jobs/pi-\${{ params.day }}.py"
    args: ["\${{ params.day }}", 3]
    conf: { spark.executor.memory: "\${{ params.memory }}g", spark.ui.enabled: false }
    py_files: [lib.zip, "\${{ params.day }}.zip"]
`);
    expect(run.result.ctx).toMatchObject({ pi: 3.14 });
    expect(given(run, 'app-20261130091502-0001')).toEqual([
      ...['--master', 'local[2]', '--py-files', 'lib.zip,2026-11-30.zip'],
      ...['--conf', 'spark.executor.memory=4g', '--conf', 'spark.ui.enabled=false'],
      ...['jobs/pi-2026-11-30.py', '2026-11-30', '3'],
    ]);
  });

  test('runs once for each item', async () => {
    const run = await onCluster(`
tasks:
  - name: count
    type: spark
    application: count.py
    args: ["\${{ item }}"]
    output: text
    map: { over: [a, b], concurrency: 1 }
`);
    expect(run.states).toMatchObject({ count: 'completed' });
    expect([1, 2].map((at) => given(run, `app-20261130091502-000${at}`).at(-1))).toEqual(['a', 'b']);
  });

  test('shows no secret in its command and in its progress', async () => {
    const run = await onCluster(
      `
secrets: [KEY]
tasks:
  - { name: pi, type: spark, application: pi.jar, master: yarn, deploy_mode: cluster, args: ["\${{ secrets.KEY }}"] }
`,
      { env: { KEY: 'application_1764490502000_0001' } },
    );
    expect(given(run, 'application_1764490502000_0001').at(-1)).toBe('application_1764490502000_0001');
    expect(JSON.stringify(run.events)).not.toContain('application_1764490502000_0001');
    expect(logs(run.events)[0]).toBe('spark-submit --master yarn --deploy-mode cluster pi.jar ***');
    expect(run.events).toContainEqual(expect.objectContaining({ type: 'task.progress', message: '*** RUNNING' }));
  });

  test('that times out has its application killed before it is tried again', async () => {
    const clock = virtualClock();
    const run = await onCluster(
      `
tasks:
  - { name: pi, type: spark, application: endless.jar, master: yarn, deploy_mode: cluster, timeout: 1h, max_retries: 1 }
`,
      {
        start: { clock },
        on: (event) => {
          if (event.type === 'task.progress' && event.message?.endsWith('RUNNING')) void clock.advance(3_600_000);
        },
      },
    );
    expect(run.result.tasks.pi).toMatchObject({ state: 'failed', attempts: 2 });
    const ids = ['application_1764490502000_0001', 'application_1764490502000_0002'];
    expect(ids.map((id) => stateOf(run, id))).toEqual(['KILLED', 'KILLED']);
    expect(stateOf(run, 'beside')).toBe('');
    expect(
      readFileSync(join(run.folder, 'cluster', 'kills'), 'utf8')
        .trim()
        .split('\n'),
    ).toEqual(ids.map((id) => `yarn application -kill ${id}`));
  });

  test('of a cancelled job has its application killed', async () => {
    const run = await onCluster(
      'tasks: [{ name: pi, type: spark, application: endless.jar, master: yarn, deploy_mode: cluster }]',
      {
        on: (event, job) => {
          if (event.type === 'task.progress' && event.message?.endsWith('RUNNING')) job.cancel();
        },
      },
    );
    expect(run.states).toEqual({ pi: 'cancelled' });
    expect(stateOf(run, 'application_1764490502000_0001')).toBe('KILLED');
  });

  test('whose application failed with exit code 0 can be tried again, and says what to read', async () => {
    const run = await onCluster(
      'tasks: [{ name: pi, type: spark, application: fails.jar, master: "spark://m:7077", deploy_mode: cluster, max_retries: 1 }]',
    );
    expect(run.result.tasks.pi).toMatchObject({ state: 'failed', attempts: 2 });
    expect(failureOf(run, 'pi')).toContain('The Spark application ended so: driver-20261130091502-0002 FAILED.');
  });
});

describe('a wrong spark task', () => {
  const cases: readonly (readonly [keys: string, ...problems: string[]])[] = [
    [
      'master: yarn',
      '2:9 MISSING_KEY Task "a" has no "application": expected the path or URL of a .jar, .py or .R file.',
    ],
    [
      'application: a.py, class: org.example.A',
      '2:52 INVALID_VALUE Task "a" has a "class", but its application is a script, which has none: a.py. Remove it.',
    ],
    [
      'application: a.jar, deploy_mode: Cluster',
      '2:66 INVALID_VALUE Task "a" has "deploy_mode" = "Cluster": expected "client" or "cluster". Did you mean "cluster"?',
    ],
    [
      'application: a.jar, deploy_mode: cluster, master: "local[4]"',
      '2:53 INVALID_VALUE Task "a" has "deploy_mode" = "cluster": the master local[4] is no cluster. Write deploy_mode: client, or leave it out.',
    ],
    [
      'application: a.py, deploy_mode: cluster, master: "spark://m:7077"',
      '2:52 INVALID_VALUE Task "a" has "deploy_mode" = "cluster": a standalone cluster runs only drivers in jars. Write deploy_mode: client, or leave it out.',
    ],
    [
      'application: a.jar, java_class: A, application_args: [], deploy-mode: client',
      '2:53 UNKNOWN_KEY Task "a" has an unknown key "java_class". It is called "class" here.',
      '2:68 UNKNOWN_KEY Task "a" has an unknown key "application_args". It is called "args" here.',
      '2:90 UNKNOWN_KEY Task "a" has an unknown key "deploy-mode". It is called "deploy_mode" here.',
    ],
    [
      'application: a.jar, executor_memory: 4g, conn_id: spark_default',
      '2:53 UNKNOWN_KEY Task "a" has an unknown key "executor_memory". It stands under "conf": conf: { spark.executor.memory: … }.',
      '2:74 UNKNOWN_KEY Task "a" has an unknown key "conn_id". A task names its cluster itself: master: yarn.',
    ],
    [
      'application: a.py, py_files: lib.zip',
      '2:62 INVALID_TYPE Task "a" has "py_files" = "lib.zip": expected a list of texts. Write it as a list: ["lib.zip"].',
    ],
    [
      'application: a.py, conf: { spark.version: 3.10 }',
      '2:75 INVALID_VALUE Task "a" has 3.10, which is the number 3.1.',
    ],
    [
      'application: "${{ params.nope }}"',
      '2:51 UNKNOWN_REFERENCE Task "a" reads params.nope, which the workflow does not declare.',
    ],
  ];
  test.for(cases)('%s', async ([keys, ...problems]) => {
    const found = await problemsOf(`tasks: [{ name: a, type: spark, ${keys} }]`);
    expect(found).toHaveLength(problems.length);
    for (const [at, problem] of problems.entries()) expect(found[at]).toContain(problem);
  });

  test('of another name is told the name of this one', async () => {
    const [problem] = await problemsOf('tasks: [{ name: a, type: SparkSubmitOperator, application: a.py }]');
    expect(problem).toContain('Write "spark".');
  });
});

test('a spark task has an exit code in the table of the command line', async () => {
  const file = workflowFile(
    `name: s\ntasks: [{ name: pi, type: spark, application: fails.py, env: { ${ENVIRONMENT} } }]`,
  );
  const { stdout, stderr, exitCode } = await tintype(['run', file]);
  expect(exitCode).toBe(1);
  expect(`${stdout}${stderr}`).toMatch(/pi +failed +1 .* 1 /);
});

const FIXTURES = join(import.meta.dirname, '../fixtures/spark');

/** The variables with which tasks find the stand-in for Spark, whose applications are in the folder of the file. */
const ENVIRONMENT = `PATH: "${FIXTURES}:${process.env.PATH}", SPARK_HOME: "", SPARK_STAND_IN: cluster`;

/** Runs tasks, and waits for what still kills their applications, as the command line does. */
const onCluster = async (text: string, settings: RunSettings = {}): Promise<WorkflowRun> => {
  const run = await runWorkflow(`defaults: { env: { ${ENVIRONMENT} } }\n${text}`, {
    ...settings,
    files: { 'cluster/about': 'The applications of the stand-in.', ...settings.files },
  });
  await processGroupsGone();
  return run;
};

const stateOf = ({ folder }: WorkflowRun, id: string): string | undefined => {
  const path = join(folder, 'cluster', id);
  return existsSync(path) ? readFileSync(path, 'utf8').trim() : undefined;
};

const given = ({ folder }: WorkflowRun, id: string): readonly string[] =>
  readFileSync(join(folder, 'cluster', `${id}.args`), 'utf8')
    .trim()
    .split('\n');

const logs = (events: readonly JobEvent[]): readonly string[] =>
  events.flatMap((event) => (event.type === 'task.log' ? [event.message] : []));
