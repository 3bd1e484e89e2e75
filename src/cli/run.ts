import type { JobDefinition } from '../engine/definition.ts';
import type { JobResult } from '../engine/job-result.ts';
import type { FailurePolicy } from '../engine/options.ts';
import { outputGate } from '../executors/output-gate.ts';
import { KILL_GRACE_MS } from '../executors/process.ts';
import { killProcessGroups, processGroupsGone } from '../executors/process-group.ts';
import { WorkflowError } from '../workflow/problem.ts';
import { loadWorkflow } from '../workflow/workflow.ts';
import { EXIT, exitCodeOf, exitCodeOfSignal } from './exit-code.ts';
import { onInterrupts } from './interrupts.ts';
import type { CliIo } from './io.ts';
import { liveLines } from './live-lines.ts';
import { createPrinter, type Printer } from './printer.ts';
import { statusTable } from './status-table.ts';
import { firstError, totals } from './summary.ts';
import { printWorkflowError } from './workflow-report.ts';

export type RunOptions = {
  readonly workers: number;
  readonly onFailure: FailurePolicy;
};

/** Runs the workflow of a file to its end, told on `io`. Resolves to the exit code, when no process of it is left. */
export const run = async (file: string, { workers, onFailure }: RunOptions, io: CliIo): Promise<number> => {
  const gate = outputGate();
  const out = createPrinter(io.stdout, io.env, gate);
  const err = createPrinter(io.stderr, io.env);
  try {
    const definition = await loadWorkflow(file, { gate });
    const names = definition.tasks.map(({ name }) => name);
    const job = definition.start({}, { maxConcurrency: workers, onFailure, graceMs: KILL_GRACE_MS + SPARE_MS });
    const live = job.events$.subscribe(liveLines(names, out));
    void out.broken.then(() => live.unsubscribe());

    const ended = await endOf(job, out, err, io);
    if (ended.result) report(names, ended.result, out, err);
    return ended.exitCode;
  } catch (error) {
    if (!(error instanceof WorkflowError)) throw error;
    printWorkflowError(error, err);
    return EXIT.usage;
  } finally {
    out.flush();
    err.flush();
  }
};

/** What the engine gives a task beyond the grace of its process, so that the end of that is seen. */
const SPARE_MS = 1000;

type End = { readonly exitCode: number; readonly result?: JobResult };

/** The end of a job, or of the patience with it: a third signal does not wait. */
const endOf = async (job: ReturnType<JobDefinition['start']>, out: Printer, err: Printer, io: CliIo): Promise<End> => {
  let cancelledBy: NodeJS.Signals | undefined;
  let forced: (end: End) => void = () => {};
  const impatience = new Promise<End>((resolve) => {
    forced = resolve;
  });
  const cancel = (signal: NodeJS.Signals): void => {
    cancelledBy ??= signal;
    job.cancel(signal);
  };
  const stopListening = onInterrupts(io, [
    (signal) => {
      out.flush();
      err.line(`${signal}: cancelled, waiting for running tasks to end. Once more kills them.`);
      cancel(signal);
    },
    killProcessGroups,
    (signal) => {
      killProcessGroups();
      forced({ exitCode: exitCodeOfSignal(cancelledBy ?? signal) });
    },
  ]);
  let unwritable = false;
  // Nobody reads on, so nobody waits for the job; `head` is done when it has enough.
  void out.broken.then((error) => {
    unwritable = error.code !== 'EPIPE';
    if (unwritable) err.line(`The output can't be written: ${error.message}.`);
    cancel('SIGPIPE');
  });

  const ended = async (): Promise<End> => {
    const result = await job;
    await processGroupsGone();
    return { result, exitCode: unwritable ? EXIT.failed : exitCodeOf(result.state, cancelledBy) };
  };
  try {
    return await Promise.race([ended(), impatience]);
  } finally {
    stopListening();
  }
};

const report = (names: readonly string[], result: JobResult, out: Printer, err: Printer): void => {
  if (names.length > 0) out.line();
  if (names.length > 0) for (const line of statusTable(names, result, out)) out.line(line);
  out.line();
  out.line(totals(result, out));
  out.flush();
  for (const line of firstError(result, err)) err.line(line);
};
