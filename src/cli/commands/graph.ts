import { resolve } from 'node:path';
import { Option } from 'commander';
import { handlersOf } from '../../workflow/handlers.ts';
import { WorkflowError } from '../../workflow/problem.ts';
import { loadWorkflow } from '../../workflow/workflow.ts';
import { type GraphOptions, graph, handlerLines } from '../drawing/graph.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { createPrinter } from '../terminal/printer.ts';
import { plainLines } from '../terminal/safe-text.ts';
import { printWorkflowError } from '../terminal/workflow-report.ts';
import { action, type DefineCommand, fileOf, noColour, withFileArgument } from './shared-options.ts';

/** Defines `tintype graph`. */
export const define: DefineCommand = (command, context) => {
  withFileArgument(command, HELP)
    .addOption(
      new Option('--format <format>', 'how to draw').choices(['text', 'mermaid', 'dot', 'svg']).default('text'),
    )
    .option('-o, --output <file>', 'write to a file instead of stdout');
  noColour(command).action(
    action(context, (io, options, argument) => graphOfFile(fileOf(argument, options.file, command), options, io)),
  );
};

const HELP = `
Examples:
  tintype graph pipeline.yaml
  tintype graph pipeline.yaml --format mermaid
  tintype graph pipeline.yaml --format svg -o pipeline.svg

svg needs the package @viz-js/viz beside tintype.
`;

/** Draws a workflow file without handlers, which wait for all tasks. Needs no secrets. Resolves to the exit code. */
export const graphOfFile = async (file: string, options: GraphOptions, io: CliIo): Promise<number> => {
  if (options.output !== undefined && resolve(options.output) === resolve(file)) {
    io.stderr.write(plainLines(`error: --output would overwrite the workflow file ${file}. Name another one.\n`));
    return EXIT.usage;
  }
  try {
    const { definition } = await loadWorkflow(file, { env: false, handlers: false });
    const exitCode = await graph(definition, options, io);
    if (options.format === 'text') await nameHandlers(file, options, io);
    return exitCode;
  } catch (error) {
    if (!(error instanceof WorkflowError)) throw error;
    const err = createPrinter(io.stderr, io.env);
    printWorkflowError(error, err);
    err.flush();
    return EXIT.usage;
  }
};

/** Prints the names of the handlers below the drawing, unless the drawing goes to a file. */
const nameHandlers = async (file: string, { output }: GraphOptions, io: CliIo): Promise<void> => {
  const { workflow } = await loadWorkflow(file, { env: false });
  if (output !== undefined) return;
  const out = createPrinter(io.stdout, io.env);
  const names = handlersOf(workflow).map(({ task }) => task.name);
  for (const line of handlerLines(names, out)) out.line(line);
  out.flush();
};
