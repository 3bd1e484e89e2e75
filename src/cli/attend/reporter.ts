import type { Readable } from 'node:stream';
import type { Observable } from 'rxjs';
import { planInside, type TaskDefinition } from '../../engine/definition/plan.ts';
import type { JobDefinition } from '../../engine/job-definition.ts';
import type { JobProgress as Progress } from '../../engine/views/progress.ts';
import type { JobEvent, LogLevel } from '../../events/event.ts';
import type { OutputGate } from '../../executors/process/output-gate.ts';
import { jsonLines } from '../live/json-lines.ts';
import type { KeyInput } from '../live/keys.ts';
import { liveLines } from '../live/lines.ts';
import type { LivePlan } from '../live/state.ts';
import { createLiveView, wantsLiveView } from '../live/view.ts';
import type { CliIo, OutputStream } from '../terminal/io.ts';
import type { Printer } from '../terminal/printer.ts';
import { inertJson } from '../terminal/safe-text.ts';
import type { JobProgress } from './job-progress.ts';

export type ReportOptions = {
  readonly logLevel: LogLevel;
  readonly logFormat: 'pretty' | 'json';
  readonly verbose?: boolean;
  readonly quiet?: boolean;
  readonly workers: number;
};

export type Reporter = {
  readonly event: (event: JobEvent) => void;
  /** Prints a line among the job's output. */
  readonly print: (line: string) => void;
  /** Prints a line that is not part of the job's output: above the live view or, if there is none, to `err`. */
  readonly notice: (line: string, err: Printer) => void;
  /** Notifies the live view that the user typed a line, which moved the cursor. */
  readonly onInput?: () => void;
  /** Whether a task's output is hidden unless the task fails. Only the live view sets this. */
  readonly hidesOutput?: boolean;
  /** Whether a person watches the live view. */
  readonly isLive?: boolean;
  /** Stops the display. Further calls have no effect. */
  readonly stop: () => void;
};

type ReporterOptions = Omit<ReportOptions, 'workers'> & {
  /** How many tasks run at once at most, if that is known here. */
  readonly workers: number | undefined;
  /** How far the job is, if it runs here. */
  readonly progress$?: Observable<Progress> | undefined;
  readonly progress: JobProgress;
  readonly printer: Printer;
  readonly stream: OutputStream;
  readonly env: CliIo['env'];
  readonly gate: OutputGate;
  readonly isExternal: (path: string) => boolean;
  /** The standard input, if nothing else reads it: its keys open and close parts of the live view. */
  readonly stdin?: (() => Readable) | undefined;
};

/** Creates a silent, JSON, live or plain reporter, depending on the options and on whether `stream` is a terminal. */
export const createReporter = (definition: JobDefinition, options: ReporterOptions): Reporter => {
  const { printer, quiet, logFormat, logLevel, stream, env } = options;
  const print = (line: string): void => printer.line(line);
  const notice: Reporter['notice'] = (line, err) => {
    printer.flush();
    err.line(line);
  };
  const stop = (): void => {};
  if (quiet) return { event: () => {}, print, notice, stop };
  if (logFormat === 'json') {
    const printJson = (line: string): void =>
      printer.line(inertJson(JSON.stringify({ time: new Date().toISOString(), level: 'warn', msg: line })));
    return { event: jsonLines(printer, logLevel), print: printJson, notice, stop };
  }
  if (logLevel === 'info' && wantsLiveView(stream, env)) return liveReporter(definition, options);
  return { event: liveLines(namesOf(definition), printer, options.progress.record, logLevel), print, notice, stop };
};

const namesOf = (definition: JobDefinition): readonly string[] => definition.tasks.map(({ name }) => name);

/** Returns the standard input if it is a terminal. */
const keyInput = (open: (() => Readable) | undefined): KeyInput | undefined => {
  const stdin = open?.() as KeyInput | undefined;
  return stdin?.isTTY && stdin.setRawMode ? stdin : undefined;
};

/** Returns a function that finds a sensor by its path, also in nested jobs and fan-outs. */
const sensorsOf =
  ({ tasks }: Pick<JobDefinition, 'tasks'>): NonNullable<LivePlan['sensor']> =>
  (path) => {
    let task: TaskDefinition | undefined;
    let inside: readonly TaskDefinition[] = tasks;
    for (const name of path.replace(/\[\d+\]/g, '').split('/')) {
      task = inside.find((one) => one.name === name);
      inside = (task && planInside(task)?.tasks) ?? [];
    }
    const isSensor = task?.kind === 'sensor' || task?.nested?.each?.kind === 'sensor';
    return isSensor ? { deadlineMs: task?.deadline } : undefined;
  };

const liveReporter = (
  definition: JobDefinition,
  { progress, stream, env, verbose, workers, progress$, gate, isExternal, stdin }: ReporterOptions,
): Reporter => {
  const upstream = new Map(definition.tasks.map(({ name, dependsOn }) => [name, dependsOn]));
  const view = createLiveView(
    {
      names: namesOf(definition),
      upstream: (name) => upstream.get(name) ?? [],
      isExternal,
      sensor: sensorsOf(definition),
    },
    progress,
    { stream, env, verbose: verbose === true, ...(workers && { workers }), progress$, gate, keys: keyInput(stdin) },
  );
  return { ...view, notice: view.print, hidesOutput: verbose !== true, isLive: true };
};
