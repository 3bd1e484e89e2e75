import { WorkflowError } from '../../workflow/problem.ts';
import { loadWorkflow } from '../../workflow/workflow.ts';
import { counted } from '../terminal/counted.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { messagePrinter } from '../terminal/json-messages.ts';
import { createPrinter } from '../terminal/printer.ts';
import { inertJson } from '../terminal/safe-text.ts';
import { printFindings, printWorkflowError } from '../terminal/workflow-report.ts';
import { action, type DefineCommand, fileOf, noColour, withFileArgument } from './shared-options.ts';

/** Defines `tintype validate`. */
export const define: DefineCommand = (command, context) => {
  withFileArgument(command, HELP);
  noColour(command.option('--json', 'print the problems as JSON')).action(
    action(context, (io, { file, json }, argument) =>
      validate(fileOf(argument, file, command), { json: json === true }, io),
    ),
  );
};

const HELP = `
Examples:
  tintype validate pipeline.yaml
  tintype validate pipeline.yaml --json

All problems are told at once. The exit code is 0, or 2 if there are any. Warnings don't change it.
`;

/** Checks a workflow file, and the files that it runs. Needs no secrets. Resolves to the exit code. */
export const validate = async (file: string, { json }: { readonly json: boolean }, io: CliIo): Promise<number> => {
  const out = createPrinter(io.stdout, io.env);
  const err = messagePrinter(io);
  try {
    const { definition, warnings } = await loadWorkflow(file, { env: false, handlers: false });
    const count = definition.tasks.length;
    if (json) {
      out.line(inertJson(JSON.stringify({ file, name: definition.name, tasks: count, problems: [], warnings })));
    } else {
      printFindings(file, warnings, 'yellow', err);
      const warned = warnings.length === 0 ? '' : `, ${counted(warnings.length, 'warning')}`;
      out.line(`${out.sanitize(file)} is right: ${counted(count, 'task')}${warned}.`);
    }
    return EXIT.completed;
  } catch (error) {
    if (!(error instanceof WorkflowError)) throw error;
    if (json) out.line(inertJson(JSON.stringify({ file, problems: error.problems })));
    else printWorkflowError(error, err);
    return EXIT.usage;
  } finally {
    out.flush();
    err.flush();
  }
};
