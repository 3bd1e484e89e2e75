import { WorkflowError } from '../workflow/problem.ts';
import { loadWorkflow } from '../workflow/workflow.ts';
import { EXIT } from './exit-code.ts';
import { type GraphOptions, graph } from './graph.ts';
import type { CliIo } from './io.ts';
import { createPrinter } from './printer.ts';
import { printWorkflowError } from './workflow-report.ts';

/** Draws the graph of a workflow file, without its handlers, which wait for all. Secrets need not be there. Resolves to the exit code. */
export const graphOfFile = async (file: string, options: GraphOptions, io: CliIo): Promise<number> => {
  try {
    const { definition } = await loadWorkflow(file, { env: false, handlers: false });
    return await graph(definition, options, io);
  } catch (error) {
    if (!(error instanceof WorkflowError)) throw error;
    const err = createPrinter(io.stderr, io.env);
    printWorkflowError(error, err);
    err.flush();
    return EXIT.usage;
  }
};
