/* This folder turns a job's description into a plan and checks the description before anything runs. `options.ts`,
 * `task-function.ts`, `task-spec.ts`, `directive.ts` and `standard-schema.ts` declare what a program passes; `infer.ts`
 * computes the builder's types. `estimates.ts` weighs tasks by how long they take. `drafts.ts` converts tasks given as data. `validate.ts` checks all tasks, with
 * `check-options.ts` (`option-rules.ts`, `frozen-json.ts`) and `graph.ts`; `sensor.ts` turns a check into a function. `plan.ts` builds the
 * plan, `sealed.ts` is a definition with a plan. Runs use `merged-options.ts`, `trigger.ts` (trigger rules) and
 * `check-schema.ts` (input and outputs), engines `check-engine-options.ts`, a file of its own so that bundles without an
 * engine lack it. `definition-shape.ts` fingerprints a definition, `definition-diff.ts` lists changes. */

import { optionProblem, type Problem } from '../errors/problem.ts';
import { didYouMean } from '../errors/suggest.ts';
import { definitionOptionProblems, taskOptionProblems } from './check-options.ts';
import { estimated } from './estimates.ts';
import { frozenJson } from './frozen-json.ts';
import { buildGraph, type Graph, sortGraph } from './graph.ts';
import type { DefinitionOptions, ExternalOptions, TaskKind, TaskOptions, WorkerOption } from './options.ts';
import { createPlan, type Plan, type TaskDefinition } from './plan.ts';
import { isDefinition, type Sealed } from './sealed.ts';
import { sensorFunction } from './sensor.ts';
import type { TaskFunction } from './task-function.ts';
import type { MapOptions, NestedJobOptions } from './task-spec.ts';

/** A task as described by the program, not validated yet. */
export type TaskDraft = {
  readonly name: string;
  readonly kind: TaskKind;
  readonly options: object | undefined;
  /** The function of a task or of a fan-out's instances, or the check of a sensor. */
  readonly run?: TaskFunction | undefined;
  readonly definition?: Sealed | undefined;
};

/** A set of names, for look-ups and for "Did you mean …?" suggestions. */
export type Names = Iterable<string> & { readonly has: (name: string) => boolean };

export type Validated = { readonly problems: readonly Problem[]; readonly plan?: Plan };

/** Validates a definition as a whole. Returns all problems or, if there are none, the plan for its jobs. */
export const validate = (
  name: string,
  drafts: readonly TaskDraft[],
  options: DefinitionOptions | undefined,
): Validated => {
  const problems: Problem[] = [...nameProblems('The job', name, []), ...definitionOptionProblems(options)];
  const known = new Set(drafts.map((draft) => draft.name).filter(isString));
  const seen = new Set<string>();
  const tasks = drafts.map((draft, index): TaskDefinition => {
    const dependsOn = needsOf(draft);
    addDraftProblems(problems, draft, index, dependsOn, seen, known);
    seen.add(draft.name);
    return definitionOf(draft, dependsOn);
  });
  const graph = buildGraph(tasks);
  const { order, cycles } = sortGraph(graph);
  problems.push(...cycles.map((cycle) => cycleProblem(cycle, graph)));
  if (problems.length > 0) return { problems };
  const plan = createPlan(name, Object.freeze(tasks), Object.freeze({ ...options }), graph, order);
  return { problems, plan: estimated(plan) };
};

/** Converts a draft to a frozen definition. Common fields always come in the same order, which V8 reads fastest. */
export const definitionOf = (draft: TaskDraft, dependsOn: readonly string[]): TaskDefinition => {
  const { name, kind, run } = draft;
  const options = draft.options as PlainOptions | undefined;
  const definition = {
    name,
    run: kind === 'sensor' ? sensorFunction(run as TaskFunction) : (run ?? noop),
    dependsOn,
    timeout: options?.timeout,
    deadline: options?.deadline,
    maxRetries: options?.maxRetries,
    retry: options?.retry,
    continueOnFailure: options?.continueOnFailure,
    priority: options?.priority,
  };
  if (options)
    for (const key of RARE) if (options[key] !== undefined) Object.assign(definition, { [key]: options[key] });
  if (Array.isArray(options?.worker?.tags)) Object.assign(definition, { worker: workerOf(options.worker.tags) });
  return Object.freeze(kind === 'task' ? definition : Object.assign(definition, kindOf(draft)));
};

type PlainOptions = Omit<TaskDefinition, 'name' | 'run' | 'dependsOn'>;

const RARE = [
  'trigger',
  'when',
  'onExhausted',
  'maxInterruptions',
  'pool',
  'slots',
  'output',
  'enrich',
  'expansion',
  'estimate',
] as const;

/** Returns the tags sorted and without repetitions, so that tasks with the same ones share a limit. */
const workerOf = (tags: readonly string[]): WorkerOption =>
  Object.freeze({ tags: Object.freeze([...new Set(tags)].sort()) });

/** Returns the additional fields of sensors, external tasks, fan-outs and nested jobs. */
const kindOf = ({ kind, options, definition }: TaskDraft): Partial<TaskDefinition> => {
  if (kind === 'external') return { kind, external: externalOf(options) };
  if (kind === 'map') return { kind, nested: options as MapOptions };
  const { input, output, over, concurrency, rateLimit, maxFailures, collect } = (options ?? {}) as NestedJobOptions &
    MapOptions;
  const fanOut = { over, concurrency, rateLimit, maxFailures, collect };
  const each: Partial<TaskDefinition> =
    kind === 'sensor'
      ? { kind, sensor: options }
      : { kind: 'job', nested: definition && { definition, input, output } };
  const own = over === undefined ? each : { kind: 'map' as const, nested: { ...fanOut, each } };
  // The option `output` is a function for a nested job, and a schema for any other task.
  return kind === 'job' ? { ...own, output: undefined } : own;
};

/** Copies the options that only an external task has. */
const externalOf = (options: ExternalOptions = {}): ExternalOptions => {
  const { owner, description, data, heartbeatTimeout, onMissedHeartbeat } = options;
  return Object.freeze({ owner, description, data: frozenJson(data), heartbeatTimeout, onMissedHeartbeat });
};

const noop = (): void => {};

/** Returns the distinct dependencies. Skips entries that are not strings; the check of the options reports them. */
export const needsOf = ({ options }: TaskDraft): readonly string[] => {
  const given: unknown = (options as TaskOptions | undefined)?.dependsOn;
  if (!Array.isArray(given) || given.length === 0) return NONE;
  return Object.freeze(given.length === 1 ? given.filter(isString) : [...new Set(given.filter(isString))]);
};

const isString = (value: unknown): value is string => typeof value === 'string';

const NONE: readonly string[] = Object.freeze([]);

/** Appends the problems of one draft. `seen`: names of earlier tasks. `known`: names that the task may depend on. */
export const addDraftProblems = (
  problems: Problem[],
  draft: TaskDraft,
  index: number,
  dependsOn: readonly string[],
  seen: Names,
  known: Names,
): void => {
  const name = isString(draft.name) ? draft.name : `number ${index + 1}`;
  problems.push(...nameProblems(isString(draft.name) ? 'A task' : `Task number ${index + 1}`, draft.name, [name]));
  if (isString(draft.name) && seen.has(name)) {
    const message = `Two tasks are named "${name}". Rename one of them.`;
    problems.push({ code: 'DUPLICATE_TASK', message, tasks: [name] });
  }
  if (draft.kind !== 'task' || typeof draft.run !== 'function') problems.push(...workProblems(draft, name));
  if (KINDS.includes(draft.kind)) problems.push(...taskOptionProblems(draft.options, name, draft.kind));
  for (const need of dependsOn) {
    if (need === name) {
      const message = `Task "${name}" waits on itself. Remove "${name}" from its dependsOn.`;
      problems.push({ code: 'SELF_DEPENDENCY', message, tasks: [name] });
    } else if (!known.has(need)) {
      const hint = problems.length < MAX_HINTS ? didYouMean(need, known) : '';
      const message = `Task "${name}" waits on "${need}", which is not a task of this job.${hint}`;
      problems.push({ code: 'UNKNOWN_DEPENDENCY', message, tasks: [name, need] });
    }
  }
  if (dependsOn.length > 0) problems.push(...repeatedDependencies(draft, name, dependsOn.length));
};

/** Number of problems from which on no known name is sought for an unknown one: it is compared with all of them. */
const MAX_HINTS = 100;

/** `distinct` is the number of different names in the task's `dependsOn`. */
const repeatedDependencies = ({ options }: TaskDraft, name: string, distinct: number): readonly Problem[] => {
  const given = (options as TaskOptions).dependsOn ?? NONE;
  if (given.length === distinct) return [];
  const seen = new Set<string>();
  const repeated = new Set<string>();
  for (const need of given.filter(isString)) (seen.has(need) ? repeated : seen).add(need);
  return [...repeated].map((need) => {
    const message = `Task "${name}" names "${need}" in its dependsOn more than once. Remove the repetition.`;
    return { code: 'DUPLICATE_DEPENDENCY', message, tasks: [name, need] };
  });
};

const workProblems = ({ kind, run, definition }: TaskDraft, name: string): Problem[] => {
  const problem = (option: string, expected: string, got: unknown, what = option): Problem[] => {
    const message = `Task "${name}" has no ${what}: expected ${expected}, got ${got === null ? 'null' : typeof got}.`;
    return [optionProblem(option, message, [name])];
  };
  if (!KINDS.includes(kind)) {
    const message = `Task "${name}" is of kind ${JSON.stringify(kind)}: expected one of ${KINDS.join(', ')}.${didYouMean(String(kind), KINDS)}`;
    return [optionProblem('kind', message, [name])];
  }
  if (kind === 'external') return [];
  if (kind === 'job')
    return isDefinition(definition) ? [] : problem('definition', 'a sealed job definition', definition);
  if (typeof run === 'function') return [];
  return kind === 'sensor' ? problem('check', 'a function', run) : problem('run', 'a function', run, 'function to run');
};

const KINDS: readonly TaskKind[] = ['task', 'sensor', 'external', 'job', 'map'];

/** Maximum length of the name of a job or task, in characters. */
export const MAX_NAME_LENGTH = 200;

// Control characters, including text direction, and the characters that task paths use (`outer/inner`, `name[3]`).
// biome-ignore lint/suspicious/noControlCharactersInRegex: the pattern has to match them
const FORBIDDEN = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069/[\]]/;

const nameProblems = (what: string, name: unknown, tasks: readonly string[]): Problem[] => {
  const problem = (wrong: string): Problem[] => {
    const message = `${what} ${wrong}. A name is 1 to ${MAX_NAME_LENGTH} characters, without control characters and "/", "[", "]".`;
    return [{ code: 'INVALID_NAME', message, tasks }];
  };
  if (typeof name !== 'string')
    return problem(`has ${name === null ? 'null' : `a value of type ${typeof name}`} for its name`);
  if (name.trim() === '') return problem('has an empty name');
  if (name.length > MAX_NAME_LENGTH) return problem(`has a name of ${name.length} characters, "${name.slice(0, 40)}…"`);
  return FORBIDDEN.test(name) ? problem(`has the name ${JSON.stringify(name)}`) : [];
};

export const cycleProblem = (cycle: readonly number[], graph: Graph): Problem => {
  const tasks = cycle.map((index) => graph.names[index] as string);
  const path = [...tasks, tasks[0] as string];
  const shown = path.length > MAX_SHOWN ? [...path.slice(0, MAX_SHOWN), `… (${tasks.length} tasks)`] : path;
  const message = `Tasks wait on one another: ${shown.join(' → ')}. Remove one of these dependencies.`;
  return { code: 'CYCLE', message, tasks, path };
};

/** Maximum number of a cycle's tasks in a message; the problem's `path` lists all. */
const MAX_SHOWN = 20;
