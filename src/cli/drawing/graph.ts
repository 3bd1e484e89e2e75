/* This folder implements `tintype graph`. `graph.ts` writes a definition in the requested format, `handlers.ts` draws the
 * handlers of a workflow apart. For text,
 * `drawing.ts` draws a row for each task: `twins.ts` of the views finds tasks that can share a lane, `order.ts` puts the tasks in
 * order, and `lanes.ts` draws their marks (`lane-place.ts` picks the column, `lane-field.ts` has the lanes of a row).
 * If there are too many lanes, `list.ts` lists the tasks by stage (`stages.ts`). `glyphs.ts` has the characters. */

import { writeFile } from 'node:fs/promises';
import type { JobDefinition } from '../../engine/job-definition.ts';
import { dotOf } from '../../engine/views/dot.ts';
import { ganttOf } from '../../engine/views/gantt.ts';
import type { GraphView } from '../../engine/views/graph-view.ts';
import { mermaidOf } from '../../engine/views/mermaid.ts';
import { type Picture, pictureOfDefinition } from '../../engine/views/picture/picture.ts';
import { svgOf } from '../../engine/views/picture/svg.ts';
import { viewOfPlan } from '../../engine/views/view-of.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { messagePrinter } from '../terminal/json-messages.ts';
import { createPrinter } from '../terminal/printer.ts';
import { plainText } from '../terminal/safe-text.ts';
import { wordsOf, wrapText } from '../terminal/wrap-text.ts';
import { type DrawnPath, drawGraph } from './drawing.ts';
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
 * The text has only the tasks of the definition, so it may leave out the handlers. `picture`: what an SVG shows. `path`:
 * the critical path of the job. Default: that of the definition.
 */
export const graph = async (
  definition: JobDefinition,
  options: GraphOptions,
  io: CliIo,
  view: GraphView = viewOfPlan(definition),
  picture: () => Picture = () => pictureOfDefinition(definition.tasks, view),
  path?: DrawnPath,
): Promise<number> => {
  const text = textOf(definition, view, picture, options, io, path);
  if (options.output === undefined) {
    io.stdout.write(text);
    return EXIT.completed;
  }
  try {
    await writeFile(options.output, text, { mode: 0o600 });
    return EXIT.completed;
  } catch (error) {
    const err = messagePrinter(io);
    err.line(`error: ${err.sanitize(`The graph can't be written to ${options.output}: ${(error as Error).message}.`)}`);
    err.flush();
    return EXIT.usage;
  }
};

const textOf = (
  definition: JobDefinition,
  view: GraphView,
  picture: () => Picture,
  { format, output }: GraphOptions,
  io: CliIo,
  path: DrawnPath | undefined,
): string => {
  switch (format) {
    case 'mermaid':
      return mermaidOf(view, mermaidHandlers(view));
    case 'gantt':
      return ganttOf(view);
    case 'dot':
      return dotOf(view, dotHandlers(view));
    case 'svg':
      return `${svgOf(picture())}\n`;
    case 'text': {
      const look = output === undefined ? lookOf(io) : PLAIN;
      const states = new Map(view.tasks.flatMap(({ name, state }) => (state ? [[name, state] as const] : [])));
      return drawGraph(definition, { ...look, states, path })
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

/** Prints the names of the handlers below the drawing, unless that goes to a file. They are not drawn: they wait for all tasks. */
export const nameHandlers = (names: readonly string[], { output }: GraphOptions, io: CliIo): void => {
  if (output !== undefined || names.length === 0) return;
  const out = createPrinter(io.stdout, io.env);
  out.line();
  const words = wordsOf(`Handlers, when all is over: ${names.map(out.sanitize).join(', ')}`, 'dim');
  for (const line of wrapText(words, { ...out, indents: ['', '  '], ellipsis: '…' })) out.line(line);
  out.flush();
};
