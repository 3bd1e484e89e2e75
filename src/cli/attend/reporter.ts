import type { JobDefinition } from '../../engine/job-definition.ts';
import type { JobEvent, LogLevel } from '../../events/event.ts';
import type { OutputGate } from '../../executors/process/output-gate.ts';
import { jsonLines } from '../live/json-lines.ts';
import { liveLines } from '../live/lines.ts';
import { createLiveView, wantsLiveView } from '../live/view.ts';
import type { CliIo, OutputStream } from '../terminal/io.ts';
import type { Printer } from '../terminal/printer.ts';

export type ReportOptions = {
  readonly logLevel: LogLevel;
  readonly logFormat: 'pretty' | 'json';
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly workers: number;
};

/** How a job is told while it runs. */
export type Reporter = {
  readonly event: (event: JobEvent) => void;
  /** Prints a line between what is told of the job. */
  readonly print: (line: string) => void;
  /** Prints a line that is no part of the job's report, on the printer of errors or above the live view. */
  readonly notice: (line: string, err: Printer) => void;
  /** Somebody has typed a line on the terminal. */
  readonly typed?: () => void;
  /** Whether what tasks print is not shown, unless they fail. */
  readonly hidesOutput?: boolean;
  /** No more is told; once is enough. */
  readonly stop: () => void;
};

type Told = ReportOptions & {
  readonly printer: Printer;
  readonly stream: OutputStream;
  readonly env: CliIo['env'];
  readonly gate: OutputGate;
  /** Whether somebody outside does the task. */
  readonly isExternal: (path: string) => boolean;
};

/** Not at all if quiet; as JSON if asked for; as a live view on a terminal; else line by line. */
export const createReporter = (definition: JobDefinition, told: Told): Reporter => {
  const { printer, quiet, logFormat, logLevel, stream, env } = told;
  const print = (line: string): void => printer.line(line);
  const notice: Reporter['notice'] = (line, err) => {
    printer.flush();
    err.line(line);
  };
  const stop = (): void => {};
  if (quiet) return { event: () => {}, print, notice, stop };
  if (logFormat === 'json') {
    const tell = (line: string): void =>
      printer.line(JSON.stringify({ time: new Date().toISOString(), level: 'warn', msg: line }));
    return { event: jsonLines(printer, logLevel), print: tell, notice, stop };
  }
  if (logLevel === 'info' && wantsLiveView(stream, env)) return liveReporter(definition, told);
  return { event: liveLines(namesOf(definition), printer, logLevel), print, notice, stop };
};

const namesOf = (definition: JobDefinition): readonly string[] => definition.tasks.map(({ name }) => name);

const liveReporter = (
  definition: JobDefinition,
  { stream, env, verbose, workers, gate, isExternal }: Told,
): Reporter => {
  const upstream = new Map(definition.tasks.map(({ name, dependsOn }) => [name, dependsOn]));
  const view = createLiveView(
    {
      names: namesOf(definition),
      upstream: (name) => upstream.get(name) ?? [],
      isExternal,
    },
    { stream, env, verbose: verbose === true, workers, gate },
  );
  const { event, print, typed, stop } = view;
  return { event, print, notice: print, typed, stop, hidesOutput: verbose !== true };
};
