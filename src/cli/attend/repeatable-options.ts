import type { FailurePolicy } from '../../engine/definition/options.ts';
import type { Overlap } from '../../journal/overlap.ts';
import type { WatchOptions } from './watch-job.ts';

export type RunOptions = WatchOptions & {
  /** Params, each as `name=value`. */
  readonly param?: readonly string[];
  readonly paramsFile?: string;
  /** Labels, each as its key and value. */
  readonly label?: readonly (readonly [key: string, value: string])[];
  readonly only?: readonly string[];
  readonly skip?: readonly string[];
  readonly dryRun?: boolean;
  /** Whether all tasks run, also those that are up to date. */
  readonly force?: boolean;
  /** Whether to say of each task with `sources` or `generates` why it runs, or that it is up to date. */
  readonly why?: boolean;
  /** The same key of a workflow names the same job. */
  readonly key?: string;
  /** What happens while another job of its name is not over. */
  readonly overlap: Overlap;
  /** Time limit of the job, in ms. */
  readonly timeout?: number;
  readonly onFailure?: FailurePolicy;
  /** How many first and last lines of each attempt are kept. */
  readonly keepLogs?: number | 'all' | 'none';
  /** How long a process may take to exit after SIGTERM, in ms. */
  readonly grace: number;
  /** The database to store the job in; `false`: none. Default: `DEFAULT_JOURNAL` or, if it can't be opened, none. */
  readonly db?: string | false;
};

/** Returns the given options as words of a command line, to suggest a command with the same options. */
export const repeatableArgs = ({
  workers,
  timeout,
  onFailure,
  grace,
  keepLogs,
  onSignal,
  json,
  events,
}: { readonly [Key in keyof RunOptions]?: RunOptions[Key] | undefined }): readonly string[] => [
  ...(workers === undefined ? [] : ['-w', String(workers)]),
  ...(timeout === undefined ? [] : ['--timeout', durationWord(timeout)]),
  ...(onFailure === undefined ? [] : ['--on-failure', onFailure]),
  ...(grace === undefined ? [] : ['--grace', durationWord(grace)]),
  ...(keepLogs === undefined ? [] : ['--keep-logs', String(keepLogs)]),
  ...(onSignal === undefined ? [] : ['--on-signal', onSignal]),
  ...(json ? ['--json'] : []),
  ...(events === undefined ? [] : ['--events', events]),
];

const durationWord = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);
