import { stat } from 'node:fs/promises';
import { dirname, relative, resolve } from 'node:path';
import type { JobDefinition } from '../engine/job-definition.ts';
import { createMask, type Mask } from '../executors/mask/mask.ts';
import type { OutputGate } from '../executors/process/output-gate.ts';
import { paramSpecs, readParams } from './params.ts';
import { type ParsedWorkflow, parseWorkflow } from './parse-workflow.ts';
import { WorkflowError, type WorkflowProblem } from './problem.ts';
import { readWorkflowFile } from './read-file.ts';
import type { TaskOfType, Workflow } from './schema.ts';
import { readSecrets } from './secrets.ts';
import { type Selection, selectTasks } from './select-tasks.ts';
import { hasExpression } from './template.ts';
import { toDefinition } from './to-definition.ts';

export type WorkflowOptions = {
  /** Where secrets are looked up. Default the environment of this process. `false`: a job will not be started. */
  readonly env?: Readonly<Record<string, string | undefined>> | false;
  /** Which tasks there are to be. Default all. */
  readonly selection?: Selection;
  /** Whether the definition has the handlers in it. Default true. */
  readonly handlers?: boolean;
  /** Default: output is read as fast as it is printed. */
  readonly gate?: OutputGate;
  /** How long a process may take to end after SIGTERM, before SIGKILL, in ms. Default 2000. */
  readonly killGraceMs?: number;
};

export type LoadedWorkflow = {
  readonly workflow: Workflow;
  /** A job of it is started with `{ params }`. */
  readonly definition: JobDefinition;
  /** Replaces the values of its secrets, and of those of the files that it runs. */
  readonly mask: Mask;
  /** What its external tasks are described as, and those of the files that it runs, by path: `outer/inner`. */
  readonly externals: ReadonlyMap<string, string | undefined>;
};

/**
 * Reads a workflow file, and the files that it runs as jobs. Its commands run in the directory of the file; in that of
 * this process when it is a pipe. @throws WorkflowError @throws SelectionError
 */
export const loadWorkflow = async (file: string, options: WorkflowOptions = {}): Promise<LoadedWorkflow> => {
  const read = await readFiles(file, options, new Map(), []);
  const mask = createMask(secretValues(read));
  const { handlers, ...tasksAlone } = selectTasks(read.parsed.workflow, options.selection);
  const workflow = handlers && options.handlers !== false ? { ...tasksAlone, handlers } : tasksAlone;
  const chosen = { ...read, parsed: { ...read.parsed, workflow } };
  return { workflow, definition: build(chosen, mask, options), mask, externals: new Map(externalsOf(chosen)) };
};

/** A file that was read, with those that it runs. */
type ReadFile = {
  readonly parsed: ParsedWorkflow;
  readonly directory: string;
  readonly secrets: Readonly<Record<string, string>>;
  /** By what tasks call them. */
  readonly nested: ReadonlyMap<string, ReadFile>;
};

/** The files of one loading by their paths, or what is wrong with them: each is read once. */
type Files = Map<string, Promise<ReadFile>>;

/** `around` are the paths of the files that run this one, outermost first. */
const readFiles = async (
  file: string,
  options: WorkflowOptions,
  files: Files,
  around: readonly string[],
): Promise<ReadFile> => {
  const path = resolve(file);
  const parsed = parseWorkflow(await readWorkflowFile(file), file);
  const directory = (await stat(file)).isFile() ? dirname(path) : process.cwd();
  const { secrets, problems } = secretsOf(parsed, directory, options);
  const nested = new Map<string, ReadFile>();
  const found: WorkflowProblem[] = [...problems];
  const wrong = new Set<string>();
  for (const { at, task } of nestedJobs(parsed.workflow)) {
    const target = resolve(directory, task.file);
    const chain = [...around, path];
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
  return { parsed, directory, secrets, nested };
};

/** What a task gives to the file that it runs, as far as that can be told before. */
const paramProblems = (
  at: readonly PropertyKey[],
  task: TaskOfType<'job'>,
  inner: ReadFile,
  { problemAt }: ParsedWorkflow,
): readonly WorkflowProblem[] => {
  const given = task.params ?? {};
  const specs = paramSpecs(inner.parsed.workflow.params);
  const known = Object.fromEntries(Object.entries(given).filter(([, value]) => !holdsExpression(value)));
  // What an expression gives is checked when the task runs.
  const open = new Set(Object.keys(given).filter((name) => !Object.hasOwn(known, name)));
  const { faults } = readParams(
    specs.filter(({ name }) => !open.has(name)),
    known,
  );
  const unknown = [...open].filter((name) => !specs.some((spec) => spec.name === name));
  return [
    ...faults,
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
  { env = process.env }: WorkflowOptions,
): { readonly secrets: Readonly<Record<string, string>>; readonly problems: readonly WorkflowProblem[] } => {
  if (env === false) return { secrets: {}, problems: [] };
  const { values, missing } = readSecrets(workflow.secrets, { env, directory });
  const { secrets } = workflow;
  const problems = missing.map(({ name, message }) =>
    problemAt(['secrets', Array.isArray(secrets) ? secrets.indexOf(name) : name], 'SECRET_MISSING', message),
  );
  return { secrets: values, problems };
};

type NestedJob = { readonly at: readonly PropertyKey[]; readonly task: TaskOfType<'job'> };

/** The tasks that run files, each with where it is. */
const nestedJobs = ({ tasks, handlers }: Workflow): readonly NestedJob[] => {
  const jobsIn = (path: readonly PropertyKey[], list: Workflow['tasks']): NestedJob[] =>
    list.flatMap((task, index) => (task.type === 'job' ? [{ at: [...path, index], task }] : []));
  const handled = Object.entries(handlers ?? {}).flatMap(([when, list]) => jobsIn(['handlers', when], list ?? []));
  return [...jobsIn(['tasks'], tasks), ...handled];
};

const externalsOf = (
  { parsed: { workflow }, nested }: ReadFile,
  around = '',
): readonly (readonly [path: string, description: string | undefined])[] =>
  [...workflow.tasks, ...Object.values(workflow.handlers ?? {}).flatMap((list) => list ?? [])].flatMap((task) => {
    const path = around + task.name;
    if (task.type === 'external') return [[path, task.description] as const];
    const inner = task.type === 'job' ? nested.get(task.file) : undefined;
    return inner ? externalsOf(inner, `${path}/`) : [];
  });

const secretValues = (file: ReadFile, seen: Set<ReadFile> = new Set()): readonly string[] => {
  if (seen.has(file)) return [];
  seen.add(file);
  return [...Object.values(file.secrets), ...[...file.nested.values()].flatMap((inner) => secretValues(inner, seen))];
};

const build = (
  file: ReadFile,
  mask: Mask,
  options: WorkflowOptions,
  built: Map<ReadFile, JobDefinition> = new Map(),
): JobDefinition => {
  const nested = new Map(
    [...file.nested].map(([name, inner]) => {
      const definition = built.get(inner) ?? build(inner, mask, options, built);
      built.set(inner, definition);
      return [name, definition];
    }),
  );
  const { gate, killGraceMs } = options;
  return toDefinition(file.parsed.workflow, {
    directory: file.directory,
    secrets: file.secrets,
    mask,
    nested,
    gate,
    killGraceMs,
  });
};
