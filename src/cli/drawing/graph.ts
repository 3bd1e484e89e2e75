/* This folder implements `tintype graph`. `graph.ts` writes a definition in the requested format, `handlers.ts` draws the
 * handlers of a workflow apart. For text,
 * `drawing.ts` draws a row for each task: `twins.ts` finds tasks that can share a lane, `order.ts` puts the tasks in
 * order, and `lanes.ts` draws their marks (`lane-place.ts` picks the column, `lane-field.ts` has the lanes of a row).
 * If there are too many lanes, `list.ts` lists the tasks by stage (`stages.ts`). `glyphs.ts` has the characters. */

import { writeFile } from 'node:fs/promises';
import type { JobDefinition } from '../../engine/job-definition.ts';
import { dotOf } from '../../engine/views/dot.ts';
import { ganttOf } from '../../engine/views/gantt.ts';
import type { GraphView } from '../../engine/views/graph-view.ts';
import { mermaidOf } from '../../engine/views/mermaid.ts';
import { MissingPeerError, toSvg } from '../../engine/views/svg.ts';
import { viewOfPlan } from '../../engine/views/view-of.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { createPrinter } from '../terminal/printer.ts';
import { plainText } from '../terminal/safe-text.ts';
import { wordsOf, wrapText } from '../terminal/wrap-text.ts';
import { drawGraph } from './drawing.ts';
import { wantsAscii } from './glyphs.ts';
import { dotHandlers, mermaidHandlers } from './handlers.ts';

export type GraphOptions = {
  /** `gantt`: of a job alone. */
  readonly format: 'text' | 'mermaid' | 'dot' | 'svg' | 'gantt';
  /** The file to write to. Default: the standard output. */
  readonly output?: string | undefined;
};

/**
 * Writes a definition in the requested format, or a job of it as its view shows it. Resolves to the exit code.
 * The text has only the tasks of the definition, so it may leave out the handlers.
 */
export const graph = async (
  definition: JobDefinition,
  options: GraphOptions,
  io: CliIo,
  view: GraphView = viewOfPlan(definition),
): Promise<number> => {
  let text: string;
  try {
    text = await textOf(definition, view, options, io);
  } catch (error) {
    if (options.format !== 'svg') throw error;
    return fail(svgFault(error as Error), error instanceof MissingPeerError ? EXIT.usage : EXIT.failed, io);
  }
  if (options.output === undefined) {
    io.stdout.write(text);
    return EXIT.completed;
  }
  try {
    await writeFile(options.output, text, { mode: 0o600 });
    return EXIT.completed;
  } catch (error) {
    return fail(`The graph can't be written to ${options.output}: ${(error as Error).message}.`, EXIT.usage, io);
  }
};

const textOf = async (
  definition: JobDefinition,
  view: GraphView,
  { format, output }: GraphOptions,
  io: CliIo,
): Promise<string> => {
  switch (format) {
    case 'mermaid':
      return mermaidOf(view, mermaidHandlers(view));
    case 'gantt':
      return ganttOf(view);
    case 'dot':
      return dotOf(view, dotHandlers(view));
    case 'svg':
      return await toSvg(dotOf(view, dotHandlers(view)));
    case 'text': {
      const look = output === undefined ? lookOf(io) : PLAIN;
      const states = new Map(view.tasks.flatMap(({ name, state }) => (state ? [[name, state] as const] : [])));
      return drawGraph(definition, { ...look, states })
        .map((line) => `${line}\n`)
        .join('');
    }
  }
};

const lookOf = ({ stdout, env }: CliIo) => ({
  ...createPrinter(stdout, env),
  ascii: wantsAscii(env, stdout.isTTY === true),
});

const PLAIN = { columns: Number.POSITIVE_INFINITY, style: (_: unknown, text: string) => text, sanitize: plainText };

const svgFault = (error: Error): string =>
  error instanceof MissingPeerError
    ? `--format svg needs the package ${error.peer}, which could not be loaded. Install it beside tintype: npm install ${error.peer} (with -g, if tintype was). Or give --format dot to Graphviz: dot -Tsvg.`
    : `Graphviz can't draw this graph: ${error.message}. --format text and mermaid do without it.`;

const fail = (message: string, exitCode: number, io: CliIo): number => {
  const err = createPrinter(io.stderr, io.env);
  err.line(`error: ${err.sanitize(message)}`);
  err.flush();
  return exitCode;
};

/** Prints the names of the handlers below the drawing, unless that goes to a file. They are not drawn: they wait for all tasks. */
export const nameHandlers = (names: readonly string[], { output }: GraphOptions, io: CliIo): void => {
  if (output !== undefined || names.length === 0) return;
  const out = createPrinter(io.stdout, io.env);
  out.line();
  const words = wordsOf(`Handlers, when all is over: ${names.map(out.sanitize).join(', ')}`, 'dim');
  for (const line of wrapText(words, { ...out, indents: ['', '  '], ellipsis: '…' })) out.line(line);
  out.flush();
};
