import { CommandError, UnknownTaskError } from '../../engine/errors/errors.ts';
import { type OutputGate, outputGate } from '../../executors/process/output-gate.ts';
import type { Tracing } from '../../telemetry/otel/otel.ts';
import { WorkflowError } from '../../workflow/problem.ts';
import { SelectionError } from '../../workflow/select-tasks.ts';
import { withErrorReporting } from '../stored/with-journal.ts';
import { EXIT, UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { messagePrinter } from '../terminal/json-messages.ts';
import { createPrinter, type Printer } from '../terminal/printer.ts';
import { printWorkflowError } from '../terminal/workflow-report.ts';
import { flushed, tracingIfRegistered } from './tracing.ts';

export type RunContext = {
  /** Closed while `out` can't keep up, which pauses the output of tasks. */
  readonly gate: OutputGate;
  readonly out: Printer;
  readonly err: Printer;
  readonly io: CliIo;
  /** Traces the jobs, if an OpenTelemetry SDK has been registered. */
  readonly tracing: Tracing | undefined;
};

/** Runs a command's work; reports usage errors and workflow problems on stderr. Resolves to the exit code. */
export const withRunContext = (
  { json }: { readonly json?: boolean },
  io: CliIo,
  work: (context: RunContext) => Promise<number>,
): Promise<number> =>
  withErrorReporting(io, async () => {
    const gate = outputGate();
    // With --json only the result goes to stdout.
    const out = createPrinter(json ? io.stderr : io.stdout, io.env, gate);
    const err = json ? messagePrinter(io, out) : messagePrinter(io);
    const tracing = await tracingIfRegistered(err);
    try {
      return await work({ gate, out, err, io, tracing });
    } catch (error) {
      if (error instanceof WorkflowError) printWorkflowError(error, err);
      else throw forUsers(error);
      return EXIT.usage;
    } finally {
      await flushed(tracing, err);
      out.flush();
      err.flush();
    }
  });

/** Turns errors caused by the command line into a UsageError, which is reported without a stack. */
const forUsers = (error: unknown): unknown => {
  const isWrong = [SelectionError, CommandError, UnknownTaskError].some((kind) => error instanceof kind);
  return isWrong ? new UsageError((error as Error).message) : error;
};
