import { createHash, createHmac, randomBytes } from 'node:crypto';
import { resolve } from 'node:path';
import { directiveOf } from '../engine/definition/directive.ts';
import type { TaskFunction, TaskScope } from '../engine/definition/task-function.ts';
import type { JournalCompletions } from '../engine/durable/journal.ts';
import { type Found, LOOKUP, type Lookup } from '../engine/run/lookup.ts';
import { createLookupScope, type LookupScope } from '../engine/run/lookup-scope.ts';
import type { Mask } from '../executors/mask/mask.ts';
import type { ProcessOptions } from '../executors/process/process.ts';
import { type FileStates, fileDifferences, matchFiles, NO_FILES } from './file-states.ts';
import type { TaskOfType } from './schema.ts';

/** What was found of a task with `sources` or `generates` before it would run. */
export type UpToDateCheck = {
  readonly jobId: string;
  /** Path of the task. */
  readonly task: string;
  readonly upToDate: boolean;
  /** Why the task runs, such as `src/main.c has changed`; empty if it is up to date. */
  readonly reasons: readonly string[];
};

/** How the tasks of a file are checked. */
export type UpToDateOptions = {
  /** Whether all tasks run, also those that are up to date. Default false. */
  readonly force?: boolean | undefined;
  /** Called once for each task with `sources` or `generates`, before it runs or is found up to date. */
  readonly onUpToDateCheck?: ((check: UpToDateCheck) => void) | undefined;
};

export type CheckedTask = TaskOfType<'bash' | 'python' | 'node'>;

/** What a check needs to know of a task's file and job. */
type About = UpToDateOptions & {
  readonly task: CheckedTask;
  /** Absolute path of the file; for a text without a file, any name. */
  readonly file: string;
  readonly jobName: string;
  readonly directory: string;
  readonly mask: Mask;
  readonly optionsOf: (scope: TaskScope) => ProcessOptions;
  readonly globsOf: (scope: TaskScope) => {
    readonly sources: readonly string[];
    readonly generates: readonly string[];
  };
};

/**
 * What a task completed with. `facts`: the hashes of what it depends on beside files, by what that is called in a
 * reason; made with `salt`, so that equal values of several tasks look different.
 */
type Completion = {
  readonly version: 1;
  readonly at: number;
  readonly salt: string;
  readonly facts: Readonly<Record<string, string>>;
  readonly sources: FileStates;
  readonly generates: FileStates;
  readonly output?: object;
};

/**
 * Lets a task complete without an attempt if all that it depends on, and its results, are as they were when it last
 * completed. Otherwise the attempt keeps what it completes with.
 */
export const checkingUpToDate = (run: TaskFunction, about: About): TaskFunction => {
  const lookup: Lookup = (task) => oneOfFew(() => lookUp(createLookupScope(task), run, about));
  return Object.assign((scope: TaskScope) => run(scope), { [LOOKUP]: lookup });
};

const lookUp = async (scope: LookupScope, run: TaskFunction, about: About): Promise<Found> => {
  const { jobId, taskName: task, journal } = scope;
  const answer = (reasons: readonly string[], found: Found = { run }): Found => {
    about.onUpToDateCheck?.({ jobId, task, upToDate: !('run' in found), reasons: reasons.map(about.mask.text) });
    return found;
  };
  const completions = journal?.completions;
  if (!completions) return answer([NOT_KEPT]);
  try {
    const key = keyOf(scope, about);
    const last = await lastCompletion(completions, key);
    const salt = last?.salt ?? randomBytes(12).toString('base64');
    const attemptScope = { ...scope, attempt: 1 } as unknown as TaskScope;
    const globs = about.globsOf(attemptScope);
    const facts = factsOf(attemptScope, scope, about, salt);
    const { isWanted } = scope;
    const sources = await matchFiles(globs.sources, about.directory, last?.sources ?? NO_FILES, isWanted);
    const begun: Begun = { key, completions, salt, facts, sources, globs, last };
    const keeping = { run: keepingCompletion(run, begun, about) };
    if (about.force) return answer(['it is forced to'], keeping);
    if ((await journal.job(jobId))?.forkedFrom !== undefined) return answer(['it is run again'], keeping);
    if (!last) return answer(['it has not completed here before'], keeping);
    const generates = await matchFiles(globs.generates, about.directory, last.generates, isWanted);
    const reasons = [
      ...factDifferences(last.facts, facts),
      ...fileDifferences(last.sources, sources),
      ...sources.unmatched.map((glob) => `no file is ${glob}`),
      ...fileDifferences(last.generates, generates),
      ...generates.unmatched.map((glob) => `no file is ${glob}`),
    ];
    if (reasons.length > 0) return answer(reasons, keeping);
    const isOld = Date.now() - last.at > REFRESH_MS;
    if (sources.wasRead || generates.wasRead || isOld) {
      await keep(completions, key, { ...last, sources: statesOf(sources), generates: statesOf(generates) });
    }
    return answer([], { output: last.output });
  } catch (error) {
    return answer([`what it depends on can't be read: ${(error as Error).message}`]);
  }
};

/** The reason of a task whose job is not kept. */
export const NOT_KEPT = 'the job is not kept, nor what it completed with before';

/** What the check before an attempt found, for what the attempt completes with. */
type Begun = {
  readonly key: string;
  readonly completions: JournalCompletions;
  readonly salt: string;
  readonly facts: Completion['facts'];
  readonly sources: FileStates;
  readonly globs: ReturnType<About['globsOf']>;
  readonly last: Completion | undefined;
};

/**
 * Returns a task function that keeps what it completes with. The sources are kept as they were before the first attempt:
 * if they change meanwhile, the task is not up to date.
 */
const keepingCompletion =
  (run: TaskFunction, { key, completions, globs, last, ...known }: Begun, { directory, mask }: About): TaskFunction =>
  async (scope) => {
    const output = await run(scope);
    const warn = (text: string): void => scope.log.warn(mask.text(text));
    if (directiveOf(output) || scope.signal.aborted) return output;
    try {
      const isWanted = (): boolean => !scope.signal.aborted;
      const before = last?.generates ?? NO_FILES;
      const { unmatched, at, files } = await matchFiles(globs.generates, directory, before, isWanted);
      for (const glob of unmatched) warn(`No file is ${glob}, which the task generates: it will run again.`);
      if (scope.signal.aborted) return output;
      const { sources, salt, facts } = known;
      const kept = { salt, facts, sources: statesOf(sources), generates: { at, files } };
      await keep(completions, key, { version: 1, ...kept, ...(output !== undefined && { output: output as object }) });
    } catch (error) {
      // The attempt was good, whatever is kept of it.
      if (!scope.signal.aborted) warn(`It will run again: ${(error as Error).message}`);
    }
    return output;
  };

const keep = async (
  completions: JournalCompletions,
  key: string,
  completion: Omit<Completion, 'at'>,
): Promise<void> => {
  const at = Date.now();
  const text = JSON.stringify({ ...completion, at });
  if (text.length > MAX_LENGTH) {
    throw new Error(
      `what it completed with takes ${text.length} characters, more than the ${MAX_LENGTH} that are kept.`,
    );
  }
  await completions.put(key, text, at);
};

const statesOf = ({ at, files }: FileStates): FileStates => ({ at, files });

/** How much is kept of a completion, in UTF-16 units of its JSON. */
const MAX_LENGTH = 4 * 2 ** 20;

/** How old a completion that is still in use becomes before it is written again, in ms. */
const REFRESH_MS = 86_400_000;

/** Returns what the task last completed with. What can't be read counts as nothing, and the next completion replaces it. */
const lastCompletion = async (completions: JournalCompletions, key: string): Promise<Completion | undefined> => {
  try {
    const completion = JSON.parse((await completions.get(key)) ?? 'null') as Completion | null;
    return completion?.version === 1 ? completion : undefined;
  } catch {
    return undefined;
  }
};

/** Items of a fan-out, and the tasks in them, are told apart by what the item is: its place may change. */
const keyOf = ({ taskName, item, index }: LookupScope, { file, jobName }: About): string => {
  const path = index === undefined ? taskName : taskName.replace(/\[\d+\](?!.*\[)/s, '');
  const parts = [resolve(file), jobName, path, ...(index === undefined ? [] : [item])];
  return createHash('sha256').update(JSON.stringify(parts)).digest('hex');
};

/** Returns the hashes of what a task depends on, beside files. */
const factsOf = (
  attemptScope: TaskScope,
  { outputs, input }: LookupScope,
  { task, optionsOf, directory }: About,
  salt: string,
): Completion['facts'] => {
  const { cwd = directory, args = [], env = {}, stdin } = optionsOf(attemptScope);
  const { params, ...others } = input as { readonly params?: Readonly<Record<string, unknown>> };
  const facts: [string, unknown][] = [
    ['its command', wordsOf(task)],
    ['its folder', cwd],
    ['its arguments', args],
    ...(stdin ? [['its standard input', stdin] as [string, unknown]] : []),
    ...Object.entries(env).flatMap(([name, value]): [string, unknown][] =>
      VARYING.has(name) ? [] : [[`the variable ${name}`, value]],
    ),
    ...named('the param', (readsParams(task) && params) || {}),
    ...named('the input', others),
    ...named('the output of', outputs).map(([name, output]): [string, unknown] => [name, digestOf(output)]),
  ];
  return Object.fromEntries(facts.map(([name, value]) => [name, saltedHash(value, salt)]));
};

const named = (what: string, values: Readonly<Record<string, unknown>>): [string, unknown][] =>
  Object.entries(values).map(([name, value]) => [`${what} ${name}`, value]);

/** Variables that differ between jobs though the task does not. */
const VARYING: ReadonlySet<string> = new Set(['TINTYPE_INDEX']);

/**
 * Returns what a task does, without what only says when, how often and under which limits it does it, who else gets what
 * it prints, and what is compared by its value.
 */
const wordsOf = (task: CheckedTask): object => {
  const { name, description, dependencies, trigger, when, map, sources, generates, ...rest } = task;
  const { timeout, deadline, max_retries, max_interruptions, retry, continue_on_failure, ...more } = rest;
  const { priority, pool, slots, runs_on, estimate, stdout, stderr, stop_signal, ...own } = more;
  const { env, args, cwd, stdin, ...words } = own;
  return words;
};

/** Whether the code of a task may read any param: a module is given them, a command finds them in the context. */
const readsParams = (task: CheckedTask): boolean =>
  ('module' in task && task.module !== undefined) || /\b(?:ctx|params|TINTYPE_CONTEXT)\b/.test(task.command ?? '');

const factDifferences = (before: Completion['facts'], now: Completion['facts']): readonly string[] => {
  const was = new Map(Object.entries(before));
  const changed = Object.entries(now).flatMap(([name, hash]) => {
    const known = was.get(name);
    was.delete(name);
    return known === hash ? [] : [`${name} ${known === undefined ? 'is new' : 'has changed'}`];
  });
  return [...changed, ...[...was.keys()].map((name) => `${name} is gone`)];
};

const saltedHash = (value: unknown, salt: string): string =>
  createHmac('sha256', salt)
    .update(JSON.stringify(value) ?? '')
    .digest('base64');

/** Returns the hash of an output, once for all tasks downstream. */
const digestOf = (output: unknown): string => {
  const known = DIGESTS.get(output as object);
  if (known !== undefined) return known;
  const digest = createHash('sha256').update(JSON.stringify(output)).digest('base64');
  if (typeof output === 'object' && output !== null) DIGESTS.set(output, digest);
  return digest;
};

const DIGESTS = new WeakMap<object, string>();

/** Runs some work when fewer than `LOOKUPS_AT_ONCE` others run, in the order of the calls. */
const oneOfFew = async <Answer>(work: () => Promise<Answer>): Promise<Answer> => {
  if (running >= LOOKUPS_AT_ONCE) await new Promise<void>((resolve) => queue.push(resolve));
  else running++;
  try {
    return await work();
  } finally {
    const next = queue.shift();
    if (next) next();
    else running--;
  }
};

const LOOKUPS_AT_ONCE = 4;
const queue: (() => void)[] = [];
let running = 0;
