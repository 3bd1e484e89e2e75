import { existsSync, statSync } from 'node:fs';
import { resolve } from 'node:path';
import type { JournalJob } from '../../engine/durable/journal.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { type Mask, NO_MASK } from '../../executors/mask/mask.ts';
import { type LoadedWorkflow, loadMask, loadWorkflow } from '../../workflow/workflow.ts';
import { type JobLocation, jobCommand, jobLabel } from '../stored/job-command.ts';
import { type NamedPlaces, placesText } from '../stored/named-places.ts';
import { UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import type { RunOptions } from './repeatable-options.ts';
import type { RunContext } from './run-context.ts';

/** The metadata that is stored with a job of a workflow file, so that another command can continue the job. */
export type RunMetadata = Pick<RunOptions, 'only' | 'skip' | 'workers' | 'grace' | 'onFailure' | 'timeout'> & {
  /** The file's absolute path; absent if the workflow was read from a pipe. */
  readonly file?: string;
  /** What the job names, if it was imported. */
  readonly imported?: NamedPlaces;
};

export const runMetadata = (file: string, options: Omit<RunMetadata, 'file' | 'imported'>): RunMetadata => {
  const { only, skip, workers, grace, onFailure, timeout } = options;
  const path = isFile(file) ? resolve(file) : undefined;
  return withoutUndefined({ file: path, only, skip, workers, grace, onFailure, timeout }) as RunMetadata;
};

export const withoutUndefined = (values: object): object =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

const isFile = (file: string): boolean => statSync(file, { throwIfNoEntry: false })?.isFile() === true;

/** Returns the metadata stored with a job. A program that started the job may have stored others, of any type. */
export const metadataOf = ({ metadata }: Pick<JournalJob, 'metadata'>): Partial<RunMetadata> => {
  const value: unknown = JSON.parse(metadata);
  if (!isPlainObject(value)) return {};
  return Object.fromEntries(
    Object.entries(value).filter(([key, one]) => IS_METADATA[key as keyof RunMetadata]?.(one)),
  ) as Partial<RunMetadata>;
};

const isText = (value: unknown): boolean => typeof value === 'string';
const isTexts = (value: unknown): boolean => Array.isArray(value) && value.every(isText);
const isAmount = (value: unknown): boolean => Number.isFinite(value) && (value as number) >= 0;

const IS_METADATA: Readonly<Record<keyof RunMetadata, (value: unknown) => boolean>> = {
  file: isText,
  only: isTexts,
  skip: isTexts,
  workers: (value) => Number.isSafeInteger(value) && (value as number) > 0,
  grace: isAmount,
  timeout: isAmount,
  imported: (value) => isPlainObject(value) && isTexts(value.files) && isTexts(value.hosts),
  onFailure: (value) => value === 'abort' || value === 'drain' || value === 'continue',
};

/** Returns where a job's workflow came from. Commands can reload it only from a `file`. */
export const originOf = (job: Pick<JournalJob, 'metadata'>): 'file' | 'pipe' | 'program' => {
  const { file, workers } = metadataOf(job);
  if (typeof file === 'string') return 'file';
  return workers === undefined ? 'program' : 'pipe';
};

/** Returns why a job's workflow can't be loaded again, or `undefined` if it can. */
export const unavailableReason = (job: JournalJob): string | undefined => {
  const { file } = metadataOf(job);
  switch (originOf(job)) {
    case 'program':
      return 'its tasks are in the program that started it';
    case 'pipe':
      return 'its workflow file was a pipe';
    case 'file':
      return existsSync(file as string) ? undefined : `its workflow file ${file} is gone`;
  }
};

/** Requires that somebody trusts what an imported job names. @throws UsageError */
export const requireTrust = (job: JournalJob, trust: boolean | undefined, location: JobLocation): void => {
  const { imported } = metadataOf(job);
  if (!imported || trust) return;
  const isOver = isTerminalJobState(job.state);
  const command = jobCommand(isOver ? 'retry' : 'resume', job.id, location, ['--trust']);
  throw new UsageError(
    `The job ${jobLabel(job)} was imported, and names ${placesText(imported)}, which it would use. If that is right, say --trust: ${command}`,
  );
};

/** Reloads a job's file, from `file` if it moved. @throws UsageError @throws WorkflowError @throws SelectionError */
export const loadStoredWorkflow = async (
  job: JournalJob,
  { file: moved, grace }: { readonly file?: string | undefined; readonly grace: number },
  { gate, io }: Pick<RunContext, 'gate' | 'io'>,
): Promise<LoadedWorkflow> => {
  const { file: storedFile, only, skip } = metadataOf(job);
  const file = moved ?? storedFile;
  if (file === undefined) {
    const why =
      originOf(job) === 'pipe'
        ? 'it was read from a pipe. Name the file with --file.'
        : 'a program started it. There engine.recover() goes on with it, and engine.retry() or engine.rerun() runs it again; if that program runs a workflow file, name it with --file.';
    throw new UsageError(`The job ${jobLabel(job)} does not say of which file it is: ${why}`);
  }
  if (!existsSync(file)) {
    throw new UsageError(
      `The workflow file ${file} of the job ${jobLabel(job)} is gone. Put it back, or say with --file where it is now.`,
    );
  }
  const loaded = await loadWorkflow(file, { env: io.env, gate, killGraceMs: grace, selection: { only, skip } });
  const { name } = loaded.definition;
  if (name === job.name) return loaded;
  throw new UsageError(
    `The job ${jobLabel(job)} can't go on with ${file}: that is the workflow "${name}" now. Name the file of "${job.name}" with --file.`,
  );
};

/**
 * Returns a mask for what is sent to the process that runs the job, which masks it, too, before it keeps it. Masks those
 * secrets of the job's workflow that are known here; none if the file can't be read.
 */
export const storedMask = async (job: JournalJob, io: CliIo): Promise<Mask> => {
  const { file } = metadataOf(job);
  if (file === undefined || !existsSync(file)) return NO_MASK;
  try {
    return await loadMask(file, io.env);
  } catch {
    return NO_MASK;
  }
};
