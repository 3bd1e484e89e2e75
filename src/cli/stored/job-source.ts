import type { Journal, JournalJob } from '../../engine/durable/journal.ts';
import type { JobProgress } from '../../engine/views/progress.ts';
import type { JobEvent, TaskLog, TaskState } from '../../events/event.ts';
import type { TraceFormat } from '../../telemetry/stored-trace.ts';

/** Where commands read jobs: the journal of a database, or a server. */
export type JobSource = Pick<Journal, 'jobs' | 'job' | 'events' | 'notes'> & {
  /** The database, or the address of the server. */
  readonly file: string;
  /** Returns the shape of a job's definition as JSON. A journal finds it by the fingerprint, a server by the job. */
  readonly shape: (fingerprint: string, jobId: string) => ReturnType<Journal['shape']>;
  /** Yields the events of a job after a `seq` until the job is over. Without it, the source is polled. */
  readonly stream?: (jobId: string, after: number, signal: AbortSignal) => AsyncIterable<JobEvent>;
  /** Reads the last lines so far of attempts that have not ended. Without it, they are among the notes. */
  readonly unfinishedLogs?: (job: JournalJob) => Promise<readonly (JobEvent & TaskLog)[]>;
  /** Reads the states of the outer tasks alone, if that is less work than all events. */
  readonly outline?: (jobId: string) => Promise<Outline>;
  /** Asks how far a job is. Without it, that is computed from the events and notes. */
  readonly progress?: (jobId: string) => Promise<JobProgress | undefined>;
  /** Reads the trace file of a job. Without it, the file is made of the events. */
  readonly trace?: (jobId: string, format: TraceFormat) => Promise<string>;
};

/** The outer tasks of a job: the shape of its definition as JSON, and their states by name. */
export type Outline = { readonly shape: string; readonly states: ReadonlyMap<string, TaskState> };
