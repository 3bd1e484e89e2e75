import { readdir, stat } from 'node:fs/promises';
import { dirname, join, relative, resolve } from 'node:path';
import type { Clock } from '../../engine/time/clock.ts';
import type { Logger } from '../../events/logger.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { envFilesOf } from '../../workflow/env-files.ts';
import { WorkflowError, type WorkflowProblem } from '../../workflow/problem.ts';
import { tasksIn } from '../../workflow/tasks-in.ts';
import { type LoadedWorkflow, loadWorkflow } from '../../workflow/workflow.ts';
import type { Entry } from './catalog.ts';

export type WorkflowFolder = {
  /** Resolves when the folder has been read. @throws Error if there is no such folder */
  readonly read: () => Promise<void>;
  /** Stops watching. */
  readonly close: () => void;
};

type Known = {
  /** Sizes and times of the file, and of those that it runs or takes variables of. */
  readonly mark: string;
  readonly entry: Entry;
};

/**
 * Reads the workflow files of a folder and of the folders in it, and looks each second whether one has changed: that
 * works with editors that replace files, with network disks and with what Kubernetes mounts. A file with problems keeps
 * its last good form, and so do all files while the folder can't be read. Calls `changed` with all entries when any has
 * changed.
 */
export const workflowFolder = (
  folder: string,
  clock: Clock,
  changed: (entries: readonly Entry[]) => void,
  logger: Logger | undefined,
): WorkflowFolder => {
  let known = new Map<string, Known>();
  /** Why the folder could not be read the last time. */
  let failure: WorkflowProblem | undefined;
  let stop = (): void => {};
  let closed = false;
  const look = async (): Promise<void> => {
    const files = await workflowFiles(folder);
    const next = new Map<string, Known>();
    for (const file of files) next.set(file, await readIfChanged(folder, file, known.get(file), clock.now()));
    const isNew = next.size !== known.size || [...next].some(([file, { entry }]) => known.get(file)?.entry !== entry);
    known = next;
    if (closed) return;
    if (failure) logger?.info(`The folder ${folder} can be read again.`);
    if (isNew || failure) changed(entriesOf(known));
    failure = undefined;
  };
  const unreadable = (error: NodeJS.ErrnoException): void => {
    const cause = error.code ?? error.message;
    const message = `The folder of workflows can't be read: ${cause}. The files count as they were when it was read last.`;
    if (closed || failure?.message === message) return;
    failure = { code: 'FILE_UNREADABLE', message };
    logger?.warn(
      `The folder ${folder} can't be read: ${cause}. Its workflow files count as they were when it was read last.`,
    );
    changed(entriesOf(known).map((entry) => ({ ...entry, problems: [failure as WorkflowProblem, ...entry.problems] })));
  };
  const lookLater = (): void => {
    if (closed) return;
    stop = clock.setTimer(() => {
      underWayUntil(look()).catch(unreadable).finally(lookLater);
    }, EVERY_MS);
  };
  return {
    read: async () => {
      await look();
      lookLater();
    },
    close: () => {
      closed = true;
      stop();
    },
  };
};

const EVERY_MS = 1000;

/** The paths of all YAML files, in the order of their names; not those in hidden folders, nor hidden ones. */
const workflowFiles = async (folder: string): Promise<readonly string[]> => {
  const found = await readdir(folder, { recursive: true });
  return found.filter((file) => /\.ya?ml$/i.test(file) && !/(^|[\\/])\./.test(file)).sort();
};

const readIfChanged = async (folder: string, file: string, known: Known | undefined, now: number): Promise<Known> => {
  const path = join(folder, file);
  const mark = await markOf([path, ...filesBeside(known?.entry.loaded, path)]);
  if (known?.mark === mark && !known.entry.problems.some(isOfAnother)) return known;
  try {
    const loaded = await loadWorkflow(path);
    const entry: Entry = {
      name: loaded.definition.name,
      source: 'file',
      file,
      definition: loaded.definition,
      loaded,
      problems: [],
      changedAt: now,
    };
    return { mark: await markOf([path, ...filesBeside(loaded, path)]), entry };
  } catch (error) {
    const { name = nameOf(file), definition, loaded } = known?.entry ?? {};
    const problems = problemsOf(error);
    if (known?.mark === mark && JSON.stringify(known.entry.problems) === JSON.stringify(problems)) return known;
    return { mark, entry: { name, source: 'file', file, definition, loaded, problems, changedAt: now } };
  }
};

/** Whether a problem may end when a file changes that is not known, since the one that names it could not be read. */
const isOfAnother = ({ code, line }: WorkflowProblem): boolean =>
  code === 'NESTED_WORKFLOW' || code === 'SECRET_MISSING' || (line !== undefined && code.startsWith('FILE_'));

const problemsOf = (error: unknown): readonly WorkflowProblem[] =>
  error instanceof WorkflowError
    ? error.problems
    : [{ code: 'FILE_UNREADABLE', message: `The file can't be read: ${(error as Error).message}.` }];

/** What a file that could never be read is listed as. */
const nameOf = (file: string): string => file.replace(/\.ya?ml$/i, '');

/** The files that a workflow runs as jobs, and those of its variables. Those that they name are not followed: few do. */
const filesBeside = (loaded: LoadedWorkflow | undefined, path: string): readonly string[] =>
  [
    ...(loaded ? tasksIn(loaded.workflow) : []).flatMap(([, task]) =>
      task.type === 'job' && task.file !== undefined ? [task.file] : [],
    ),
    ...envFilesOf(loaded?.workflow.env_file).map((file) => file.path),
  ].map((file) => resolve(dirname(path), file));

const markOf = async (files: readonly string[]): Promise<string> =>
  (
    await Promise.all(
      files.map(async (file) => {
        const found = await stat(file).catch(() => undefined);
        return found ? `${found.mtimeMs} ${found.size} ${found.ino}` : 'none';
      }),
    )
  ).join(';');

const entriesOf = (known: ReadonlyMap<string, Known>): readonly Entry[] =>
  withoutDoubles([...known.values()].map(({ entry }) => entry));

/** Of two files with the same name only the first can be started; the other is listed by its path, with the problem. */
const withoutDoubles = (entries: readonly Entry[]): readonly Entry[] => {
  const files = new Map<string, string | undefined>();
  return entries.map((entry) => {
    const first = files.get(entry.name);
    if (!files.has(entry.name)) {
      files.set(entry.name, entry.file);
      return entry;
    }
    const message = `The file ${first} has the name "${entry.name}", too: jobs can be started of that one alone.`;
    return {
      ...entry,
      name: nameOf(entry.file ?? entry.name),
      definition: undefined,
      loaded: undefined,
      problems: [{ code: 'INVALID_VALUE', message }],
    };
  });
};

/** The path of a workflow file relative to the folder; undefined if it is not in it. */
export const pathWithin = (folder: string, file: string): string | undefined => {
  const path = relative(folder, file);
  return path === '' || path.startsWith('..') ? undefined : path;
};
