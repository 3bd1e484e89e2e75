import { resolve } from 'node:path';
import { Option } from 'commander';
import { JobDefinitionError } from '../../engine/errors/errors.ts';
import { type Handler, handlersOf } from '../../workflow/handlers.ts';
import { WorkflowError } from '../../workflow/problem.ts';
import { loadWorkflow } from '../../workflow/workflow.ts';
import { type GraphOptions, graph, nameHandlers } from '../drawing/graph.ts';
import { viewWithHandlers } from '../drawing/handlers.ts';
import { findJob } from '../stored/find-job.ts';
import { readStoredJob } from '../stored/stored-job.ts';
import { withJournal } from '../stored/with-journal.ts';
import { DEFAULT_JOURNAL } from '../terminal/default-journal.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { messagePrinter, writeMessage } from '../terminal/json-messages.ts';
import { printWorkflowError } from '../terminal/workflow-report.ts';
import { drawStored } from './draw-stored.ts';
import {
  action,
  type DefineCommand,
  fileName,
  fileOf,
  JOB_NAMES,
  noColour,
  withFileArgument,
} from './shared-options.ts';

/** Defines `tintype graph`. */
export const define: DefineCommand = (command, context) => {
  withFileArgument(command, HELP)
    .option('--job <job>', 'draw a kept job instead, in the colours of the states')
    .option('--db <file>', 'the database that holds the job', fileName, DEFAULT_JOURNAL)
    .addOption(
      new Option('--format <format>', 'how to draw; gantt, when each task ran, is of a job')
        .choices(['text', 'mermaid', 'dot', 'svg', 'gantt'])
        .default('text'),
    )
    .option('-o, --output <file>', 'write to a file instead of stdout');
  noColour(command).action(
    action(context, (io, options, argument) => {
      const { job, file, format } = options;
      if (job !== undefined) {
        if (argument ?? file) command.error('error: a file and a job are named: name one');
        return graphOfJob(job, options, io);
      }
      if (format === 'gantt')
        command.error('error: --format gantt draws when the tasks of a job ran: name one by --job');
      return graphOfFile(fileOf(argument, file, command), options, io);
    }),
  );
};

const HELP = `
Examples:
  tintype graph pipeline.yaml
  tintype graph pipeline.yaml --format mermaid
  tintype graph pipeline.yaml --format svg -o pipeline.svg
  tintype graph --job last
  tintype graph --job 3f2a --format gantt

${JOB_NAMES}
`;

/** Draws a workflow file; as text it only names the handlers. Needs no secrets. Resolves to the exit code. */
export const graphOfFile = async (file: string, options: GraphOptions, io: CliIo): Promise<number> => {
  if (options.output !== undefined && resolve(options.output) === resolve(file)) {
    writeMessage(io, `error: --output would overwrite the workflow file ${file}. Name another one.\n`);
    return EXIT.usage;
  }
  try {
    const isText = options.format === 'text';
    const { definition, workflow } = await loadWorkflow(file, { env: false, handlers: !isText });
    const handlers = new Map(handlersOf(workflow).map(({ task, states }) => [task.name, whenOf(task, states)]));
    const exitCode = await graph(definition, options, io, viewWithHandlers(definition, handlers));
    if (isText) nameHandlers([...handlers.keys()], options, io);
    return exitCode;
  } catch (error) {
    if (!(error instanceof WorkflowError)) throw error;
    const err = messagePrinter(io);
    printWorkflowError(error, err);
    err.flush();
    return EXIT.usage;
  }
};

const whenOf = ({ when }: Handler['task'], states: Handler['states']): string => {
  const [first] = states;
  const outcome = states.length > 2 ? 'in any case' : first === 'completed' ? 'on success' : 'on failure';
  return when ? `${outcome}, conditional` : outcome;
};

/** Draws a kept job as it stands. Resolves to the exit code. */
const graphOfJob = (name: string, options: GraphOptions & { readonly db: string }, io: CliIo): Promise<number> =>
  withJournal(
    options.db,
    io,
    async ({ journal, err }) => {
      const stored = await readStoredJob(journal, await findJob(journal, name));
      try {
        return await drawStored(stored, options, io);
      } catch (error) {
        if (!(error instanceof JobDefinitionError)) throw error;
        err.line(`error: The tasks can't be drawn: ${err.sanitize(error.message)}`);
        return EXIT.failed;
      }
    },
    { reads: true },
  );
