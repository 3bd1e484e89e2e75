import { resolve } from 'node:path';
import { directiveOf, kindOfDirective, type NotReady, notReady } from '../engine/definition/directive.ts';
import type { TaskFunction, TaskScope } from '../engine/definition/task-function.ts';
import { NonRetryableError } from '../engine/errors/errors.ts';
import { fileReady } from '../executors/file-ready.ts';
import type { HttpResponse } from '../executors/http/http.ts';
import { masked } from '../executors/mask/masked-task.ts';
import { bash } from '../executors/process/bash.ts';
import { node, nodeModule } from '../executors/process/node.ts';
import { python } from '../executors/process/python.ts';
import { readyWhen } from '../executors/process/ready-when.ts';
import { branching } from './branching.ts';
import { withMeanings } from './exit-codes.ts';
import { ExpressionError } from './expression.ts';
import { type BuildContext, expressionScope } from './expression-scope.ts';
import { httpOptions, requestOf } from './http-request.ts';
import { namedOutput, taskOutput } from './output.ts';
import { processOptions, shellOf } from './process-options.ts';
import type { TaskOfType } from './schema.ts';
import { sparkAttemptOf } from './spark-attempt.ts';
import { sqlOptions, statementOf } from './sql-statement.ts';
import { textOf, toText } from './template.ts';
import { type CheckedTask, checkingUpToDate } from './up-to-date.ts';

export type FunctionTask = TaskOfType<'bash' | 'python' | 'node' | 'spark' | 'http' | 'sql'>;

/** Returns the function that performs an attempt of a task or, in a fan-out, an attempt of one item. */
export const taskFunctionOf = (task: FunctionTask, context: BuildContext, isHandler: boolean): TaskFunction => {
  // An item without output is `null` in the list, as in JSON.
  const shape = task.map ? (value: unknown) => value ?? null : outputMapperOf(task);
  const run = maskedAttempt(functionOf(task, context, isHandler), shape, context);
  if ('branch' in task && task.branch === true) return branching(task.name, run);
  if (!('command' in task || 'module' in task) || !(task.sources || task.generates)) return run;
  return checkingUpToDate(run, {
    task: task.type === 'bash' ? { ...task, shell: task.shell ?? context.workflow.defaults?.shell } : task,
    file: context.file,
    jobName: context.workflow.name,
    directory: context.directory,
    mask: context.mask,
    force: context.force,
    onUpToDateCheck: context.onUpToDateCheck,
    optionsOf: processOptions(task, context, isHandler),
    globsOf: globsOf(task, context),
  });
};

/** Returns the function that evaluates the globs of a task. Its module and the file that it reads are sources too. */
const globsOf = (
  { sources = [], generates = [], stdin, ...task }: CheckedTask,
  context: BuildContext,
): ((scope: TaskScope) => { sources: string[]; generates: string[] }) => {
  const texts = { sources: sources.map(textOf), generates: generates.map(textOf) };
  const module = 'module' in task && task.module !== undefined ? [escaped(task.module)] : [];
  const input = typeof stdin === 'object' ? [textOf(stdin.file)] : [];
  return (scope) => {
    const values = expressionScope(scope, context);
    return {
      sources: [...texts.sources.map((text) => text(values)), ...module, ...input.map((file) => escaped(file(values)))],
      generates: texts.generates.map((text) => text(values)),
    };
  };
};

/** Returns a glob that matches one path. */
const escaped = (path: string): string => path.replace(/[\\()[\]{}!*?@+|]/g, '\\$&');

/** Returns the function that performs one check of a sensor. */
export const sensorFunctionOf = (task: TaskOfType<'sensor'>, context: BuildContext): TaskFunction => {
  const own = task.command === undefined ? namedOutput(task.name) : taskOutput(task.name);
  const shape = task.map ? (value: unknown) => value : own;
  // `true` means ready without an output.
  return maskedAttempt(sensorCheckOf(task, context), (value) => (value === true ? true : shape(value)), context);
};

/** Runs an attempt and shapes its value. If an expression fails, there is no retry: the expression would fail again. */
const maskedAttempt = (run: TaskFunction, shape: OutputMapper, { mask }: BuildContext): TaskFunction =>
  masked(async (scope) => {
    try {
      return shape(await run(scope));
    } catch (error) {
      if (!(error instanceof ExpressionError)) throw error;
      throw new NonRetryableError(error.message, { cause: error });
    }
  }, mask);

type OutputMapper = (value: unknown) => unknown;

const functionOf = (task: FunctionTask, context: BuildContext, isHandler: boolean): TaskFunction => {
  switch (task.type) {
    case 'bash':
      return withMeanings(task, bash(task.command, processOptions(task, context, isHandler), shellOf(task, context)));
    case 'python':
      return withMeanings(task, python(task.command, processOptions(task, context, isHandler)));
    case 'node': {
      const options = processOptions(task, context, isHandler);
      const run =
        task.module === undefined
          ? node(task.command as string, options)
          : nodeModule(resolve(context.directory, task.module), task.export, options, task.stop_signal);
      return withMeanings(task, run);
    }
    case 'spark':
      return withMeanings(task, spark(sparkAttemptOf(task, context, isHandler)));
    case 'http':
      return http(requestOf(task, context), httpOptions(task, context));
    case 'sql':
      return sql(statementOf(task, context), sqlOptions(context));
  }
};

/** Returns the function that shapes outputs: mappings from commands and JSON requests merge into the context. */
const outputMapperOf = (task: FunctionTask): OutputMapper => {
  if (task.type === 'sql') return namedOutput(task.name);
  if (task.type !== 'http') return taskOutput(task.name);
  if (task.output === 'json') {
    const shape = taskOutput(task.name);
    return (response) => shape((response as HttpResponse).body);
  }
  const shape = namedOutput(task.name);
  return task.output === 'text' ? (response) => shape(toText((response as HttpResponse).body)) : shape;
};

const sensorCheckOf = (task: TaskOfType<'sensor'>, context: BuildContext): TaskFunction => {
  if (task.file !== undefined) {
    const path = textOf(task.file);
    return fileReady((scope) => resolve(context.directory, path(expressionScope(scope, context))));
  }
  if (task.http) return httpReady(requestOf(task.http, context), httpOptions(task, context));
  if (task.sql) return naming(task.sql.query, sqlReady(statementOf(task.sql, context), sqlOptions(context)));
  const command = task.command as string;
  const run = bash(command, processOptions(task, context, false), shellOf(task, context));
  return naming(command, readyWhen(withMeanings(task, run)));
};

/** Adds to the reason of each "not yet" the code that was asked: its first line. */
const naming =
  (code: string, check: TaskFunction): TaskFunction =>
  async (scope) => {
    const value = await check(scope);
    const directive = directiveOf(value);
    if (!directive || kindOfDirective(directive) !== 'notReady') return value;
    return notReady(`${(directive as NotReady).reason}: ${firstLine(code)}`);
  };

const firstLine = (code: string): string => {
  const [line = '', ...more] = code.trim().split('\n');
  return line.length > MAX_CODE || more.length > 0 ? `${line.slice(0, MAX_CODE)}…` : line;
};

/** How much of the code stands in a reason, in UTF-16 units. */
const MAX_CODE = 80;

/** Returns a task function that loads its executor at the first attempt, since most files need no HTTP or SQL. */
const lazily =
  <Given extends unknown[]>(load: () => Promise<(...given: Given) => TaskFunction>) =>
  (...given: Given): TaskFunction => {
    let loading: Promise<TaskFunction> | undefined;
    return async (scope) => {
      loading ??= load().then((create) => create(...given));
      return (await loading)(scope);
    };
  };

const spark = lazily(async () => (await import('../executors/spark/spark.ts')).spark);
const http = lazily(async () => (await import('../executors/http/http.ts')).http);
const httpReady = lazily(async () => (await import('../executors/http/http.ts')).httpReady);
const sql = lazily(async () => (await import('../executors/sql/sql.ts')).sql);
const sqlReady = lazily(async () => (await import('../executors/sql/sql.ts')).sqlReady);
