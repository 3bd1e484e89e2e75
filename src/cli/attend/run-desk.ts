import { CommandError, UnknownTaskError } from '../../engine/errors/errors.ts';
import { type OutputGate, outputGate } from '../../executors/process/output-gate.ts';
import { WorkflowError } from '../../workflow/problem.ts';
import { SelectionError } from '../../workflow/select-tasks.ts';
import { tellingErrors } from '../kept/with-journal.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { createPrinter, type Printer } from '../terminal/printer.ts';
import { UsageError } from '../terminal/usage-error.ts';
import { printWorkflowError } from '../terminal/workflow-report.ts';

/** What a command that runs a job works with. */
export type RunDesk = {
  readonly gate: OutputGate;
  readonly out: Printer;
  readonly err: Printer;
  readonly io: CliIo;
};

/** Does what runs a job; what keeps it from running is told on stderr. Resolves to the exit code. */
export const atRunDesk = (
  { json }: { readonly json?: boolean },
  io: CliIo,
  work: (desk: RunDesk) => Promise<number>,
): Promise<number> =>
  tellingErrors(io, async () => {
    const gate = outputGate();
    // Where the result alone goes to stdout, the rest is told on stderr.
    const out = createPrinter(json ? io.stderr : io.stdout, io.env, gate);
    const err = json ? out : createPrinter(io.stderr, io.env);
    try {
      return await work({ gate, out, err, io });
    } catch (error) {
      if (error instanceof WorkflowError) printWorkflowError(error, err);
      else throw forUsers(error);
      return EXIT.usage;
    } finally {
      out.flush();
      err.flush();
    }
  });

/** What is thrown at a program, as somebody at a command line understands it. */
const forUsers = (error: unknown): unknown => {
  const isWrong = [SelectionError, CommandError, UnknownTaskError].some((kind) => error instanceof kind);
  return isWrong ? new UsageError((error as Error).message) : error;
};
