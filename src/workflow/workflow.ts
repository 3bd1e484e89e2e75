/* This folder makes a job definition from a YAML file. `workflow.ts` reads the file (`read-file.ts`) and the files that its
 * tasks run. `parse-workflow.ts` collects the problems of one file, located by `source.ts` and `locate.ts`: YAML
 * (`parse-yaml.ts`, `inspect-nodes.ts`), schema (`schema.ts`, `schema-values.ts`, `schema-problems.ts`, with hints of
 * `foreign-words.ts`), references (`reference-problems.ts`, which asks `key-problems.ts`, `param-problems.ts`, `expression-problems.ts`; `upstream.ts`), schedules
 * (`schedule-problems.ts`) and graph (`graph-problems.ts`); without
 * problems, `warnings.ts` finds what to warn of. `tasks-of.ts` finds tasks in what the file says, `tasks-in.ts` in what was checked.
 * `params.ts`, `env-files.ts` and `secrets.ts` supply values, `select-tasks.ts` picks tasks.
 * `to-definition.ts` builds the definition, with handlers (`handlers.ts`) and functions of tasks (`task-functions.ts`),
 * each of which evaluates the keys of its task: commands (`process-options.ts`, `exit-codes.ts`), `spark-attempt.ts`, `http-request.ts`,
 * `sql-statement.ts`. These use expressions (`expression-scope.ts`, `template.ts`, `expression.ts`, whose errors `expression-errors.ts` says in words) and shape outputs (`output.ts`; `why-no-output.ts`). */

import { stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { JobDefinition } from '../engine/job-definition.ts';
import { createMask, type Mask } from '../executors/mask/mask.ts';
import type { OutputGate } from '../executors/process/output-gate.ts';
import { addedVariables, laidOver, readEnvFiles, type Variables } from './env-files.ts';
import { loadLinearMatches } from './linear-matches.ts';
import { paramSpecs, readParams } from './params.ts';
import { type ParsedWorkflow, parseWorkflow } from './parse-workflow.ts';
import { WorkflowError, type WorkflowProblem, type WorkflowWarning } from './problem.ts';
import { readWorkflowFile } from './read-file.ts';
import type { TaskOfType, Workflow } from './schema.ts';
import { readSecrets } from './secrets.ts';
import { type Selection, selectTasks } from './select-tasks.ts';
import { listedTasks, tasksIn } from './tasks-in.ts';
import { hasExpression } from './template.ts';
import { toDefinition } from './to-definition.ts';
import type { UpToDateOptions } from './up-to-date.ts';

export type WorkflowOptions = {
  /** The environment with the secrets. Default `process.env`. `false`: reads no secrets, if no job will be started. */
  readonly env?: Readonly<Record<string, string | undefined>> | false;
  /** The tasks to include. Default: all tasks. */
  readonly selection?: Selection;
  /** Whether the definition includes the handlers. Default true. */
  readonly handlers?: boolean;
  /** While the gate is closed, the output of commands is not read. Default: output is always read. */
  readonly gate?: OutputGate;
  /** How long a process may take to exit after SIGTERM before it gets SIGKILL, in ms. Default 2000. */
  readonly killGraceMs?: number;
} & UpToDateOptions;

export type LoadedWorkflow = {
  /** The parsed file, reduced to the selected tasks. */
  readonly workflow: Workflow;
  /** The definition to start: `definition.start({ params })`. */
  readonly definition: JobDefinition;
  /** What is probably a mistake in the file, or in the files that it runs, which have their own `file`. */
  readonly warnings: readonly WorkflowWarning[];
  /** Masks the values of all secrets, including secrets of the files that this file runs. */
  readonly mask: Mask;
  /** The descriptions of all external tasks, by path such as `outer/inner`, `outer[]/inner`; `undefined` if a task has none. */
  readonly externals: ReadonlyMap<string, string | undefined>;
};

/**
 * Reads a workflow file, and the files that it runs as jobs, and builds its definition. Commands run in the directory
 * of their file, or in the working directory if the file is a pipe.
 * @throws WorkflowError if a file can't be read, has problems, or lacks a secret
 * @throws SelectionError if the selection names an unknown task
 */
export const loadWorkflow = async (file: string, options: WorkflowOptions = {}): Promise<LoadedWorkflow> =>
  loaded(await readFiles(file, options, new Map(), []), options);

/**
 * Builds a definition from the text of a workflow file that stands in no folder, and so may not run other files.
 * Commands run in the working directory. `name`: what problems call the file. `refusalsOf`: returns what else is wrong.
 * @throws WorkflowError
 */
export const workflowOfText = async (
  text: string,
  name: string,
  options: WorkflowOptions,
  refusalsOf: (parsed: ParsedWorkflow) => readonly WorkflowProblem[],
): Promise<LoadedWorkflow> => {
  await loadLinearMatches(text);
  const parsed = parseWorkflow(text, name);
  const directory = process.cwd();
  const { secrets, problems } = secretsOf(parsed, directory, {}, options);
  const files = tasksIn(parsed.workflow).flatMap(([at, task]) =>
    task.type === 'job' && task.file !== undefined
      ? [parsed.problemAt([...at, 'file'], 'NESTED_WORKFLOW', 'The file stands in no folder, and so can run no other.')]
      : [],
  );
  const found = [...problems, ...files, ...refusalsOf(parsed)];
  if (found.length > 0) throw new WorkflowError(name, found);
  return loaded({ name, parsed, directory, secrets, variables: {}, nested: new Map() }, options);
};

const loaded = (read: LoadedFile, options: WorkflowOptions): LoadedWorkflow => {
  const mask = createMask(secretValues(read));
  const workflow = selectTasks(read.parsed.workflow, options.selection);
  const { handlers: _, ...tasksAlone } = workflow;
  const chosen = { ...read, parsed: { ...read.parsed, workflow: options.handlers === false ? tasksAlone : workflow } };
  return {
    workflow,
    definition: build(chosen, mask, options),
    warnings: warningsIn(read),
    mask,
    externals: new Map(externalsOf(chosen)),
  };
};

/** Returns a mask for those secrets of a file, and of the files that it runs, that have a value. @throws WorkflowError */
export const loadMask = async (file: string, env: NonNullable<WorkflowOptions['env']>): Promise<Mask> =>
  createMask(secretValues(await readFiles(file, { env, mayMissSecrets: true }, new Map(), [])));

/** `mayMissSecrets`: whether a secret without a value is no problem. */
type ReadOptions = Pick<WorkflowOptions, 'env'> & { readonly mayMissSecrets?: boolean };

/** A parsed file, with the files that it runs. */
type LoadedFile = {
  /** The path of the file, as problems show it. */
  readonly name: string;
  readonly parsed: ParsedWorkflow;
  readonly directory: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** What the files of `env_file` set. */
  readonly variables: Readonly<Record<string, string>>;
  /** The files that this file runs, by path as written in a task's `file`. */
  readonly nested: ReadonlyMap<string, LoadedFile>;
};

/** The files of one `loadWorkflow`, by absolute path. Each is read once; a promise rejects if its file has problems. */
type Files = Map<string, Promise<LoadedFile>>;

/** Reads a file and the files that it runs. `parents` has the paths of the files that run this one, outermost first. */
const readFiles = async (
  file: string,
  options: ReadOptions,
  files: Files,
  parents: readonly string[],
): Promise<LoadedFile> => {
  const path = resolve(file);
  const text = await readWorkflowFile(file);
  await loadLinearMatches(text);
  const parsed = parseWorkflow(text, file);
  const directory = (await stat(file)).isFile() ? dirname(path) : process.cwd();
  const { values: variables, problems: unread } = await readEnvFiles(parsed, directory);
  const { secrets, problems } = secretsOf(parsed, directory, variables, options);
  const nested = new Map<string, LoadedFile>();
  const found: WorkflowProblem[] = [...(options.mayMissSecrets ? [] : unread), ...problems];
  const wrong = new Set<string>();
  for (const [at, task] of tasksIn(parsed.workflow)) {
    if (task.type !== 'job' || task.file === undefined) continue;
    const target = resolve(directory, task.file);
    const chain = [...parents, path];
    if (chain.includes(target)) {
      const circle = [...chain.slice(chain.indexOf(target)), target].map((one) => relative(directory, one)).join(' → ');
      found.push(parsed.problemAt([...at, 'file'], 'NESTED_WORKFLOW', `The file runs itself: ${circle}.`));
      continue;
    }
    try {
      let reading = files.get(target);
      reading ??= readFiles(relative(process.cwd(), target), options, files, chain);
      files.set(target, reading);
      const inner = await reading;
      nested.set(task.file, inner);
      found.push(...paramProblems(at, task, inner, parsed));
    } catch (error) {
      if (!(error instanceof WorkflowError)) throw error;
      const count = error.problems.length === 1 ? 'a problem' : `${error.problems.length} problems`;
      const message = `The file ${task.file}, which this task runs, has ${count}${wrong.has(target) ? '.' : ':'}`;
      found.push(parsed.problemAt([...at, 'file'], 'NESTED_WORKFLOW', message));
      if (!wrong.has(target)) found.push(...error.problems.map((problem) => ({ file: error.file, ...problem })));
      wrong.add(target);
    }
  }
  if (found.length > 0) throw new WorkflowError(file, found);
  return { name: file, parsed, directory, secrets, variables, nested };
};

/** Finds problems in the params that a task passes to the file it runs. Values of expressions are not known yet. */
const paramProblems = (
  at: readonly PropertyKey[],
  task: TaskOfType<'job'>,
  inner: LoadedFile,
  { problemAt }: ParsedWorkflow,
): readonly WorkflowProblem[] => {
  const given = task.params ?? {};
  const specs = paramSpecs(inner.parsed.workflow.params);
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => !holdsExpression(value)));
  // Params given by an expression are checked when the task runs.
  const dynamicParams = new Set(Object.keys(given).filter((name) => !Object.hasOwn(known, name)));
  const { faults } = readParams(
    specs.filter(({ name }) => !dynamicParams.has(name)),
    known,
  );
  const unknown = [...dynamicParams].filter((name) => !specs.some((spec) => spec.name === name));
  return [
    ...faults,
    // Faults about unknown names come first; the rest would only be about missing params.
    ...readParams(specs, Object.fromEntries(unknown.map((name) => [name, '']))).faults.slice(0, unknown.length),
  ].map((fault) => problemAt([...at, 'params'], 'INVALID_VALUE', `For the file ${task.file}: ${fault}`));
};

const holdsExpression = (value: unknown): boolean =>
  typeof value === 'string'
    ? hasExpression(value)
    : value !== null && typeof value === 'object' && Object.values(value).some(holdsExpression);

const secretsOf = (
  { workflow, problemAt }: ParsedWorkflow,
  directory: string,
  variables: Variables,
  { env = process.env, mayMissSecrets = false }: ReadOptions,
): { readonly secrets: Readonly<Record<string, string>>; readonly problems: readonly WorkflowProblem[] } => {
  if (env === false) return { secrets: {}, problems: [] };
  const { values, missing } = readSecrets(workflow.secrets, { env: laidOver(variables, env), directory });
  const { secrets } = workflow;
  if (mayMissSecrets) return { secrets: values, problems: [] };
  const problems = missing.map(({ name, message }) =>
    problemAt(['secrets', Array.isArray(secrets) ? secrets.indexOf(name) : name], 'SECRET_MISSING', message),
  );
  return { secrets: values, problems };
};

const externalsOf = (
  { parsed: { workflow }, nested }: LoadedFile,
  level: Parameters<typeof listedTasks>[0] = workflow,
  prefix = '',
): readonly (readonly [path: string, description: string | undefined])[] =>
  listedTasks(level).flatMap(([, task]) => {
    const path = prefix + task.name;
    if (task.type === 'external') return [[path, task.description] as const];
    if (task.type !== 'job') return [];
    const inside = `${path}${task.map ? '[]' : ''}/`;
    const inner = nested.get(task.file ?? '');
    if (inner) return externalsOf(inner, undefined, inside);
    return externalsOf({ parsed: { workflow }, nested } as LoadedFile, task, inside);
  });

const warningsIn = (file: LoadedFile, seen: Set<LoadedFile> = new Set()): readonly WorkflowWarning[] => {
  seen.add(file);
  const inner = [...file.nested.values()].filter((one) => !seen.has(one));
  return [
    ...file.parsed.warnings,
    ...inner.flatMap((one) => warningsIn(one, seen).map((warning) => ({ file: one.name, ...warning }))),
  ];
};

const secretValues = (file: LoadedFile, seen: Set<LoadedFile> = new Set()): readonly string[] => {
  if (seen.has(file)) return [];
  seen.add(file);
  return [...Object.values(file.secrets), ...[...file.nested.values()].flatMap((inner) => secretValues(inner, seen))];
};

const build = (
  file: LoadedFile,
  mask: Mask,
  options: WorkflowOptions,
  built: Map<LoadedFile, JobDefinition> = new Map(),
): JobDefinition => {
  const nested = new Map(
    [...file.nested].map(([name, inner]) => {
      const definition = built.get(inner) ?? build(inner, mask, options, built);
      built.set(inner, definition);
      return [name, definition];
    }),
  );
  const { parsed, directory, secrets, variables: values } = file;
  const { gate, killGraceMs, env: given = process.env, force, onUpToDateCheck } = options;
  const env = laidOver(values, given || {});
  const variables = addedVariables(values, given || {});
  const attempts = { gate, killGraceMs, force, onUpToDateCheck };
  return toDefinition(parsed.workflow, {
    file: file.name,
    directory,
    secrets,
    env,
    variables,
    mask,
    nested,
    ...attempts,
  });
};
