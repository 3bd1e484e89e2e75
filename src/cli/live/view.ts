/* This folder displays a running job. `view.ts` receives its events and redraws the live part by a timer: `state.ts`
 * has the live tasks, `estimate.ts` the time left; `frame.ts` makes the lines, and `screen.ts` writes the rows that
 * changed. `keys.ts` reads keys, which open and close parts of it. `lines.ts` prints a line for each event, above the
 * live part or without one, `log-text.ts` what a task has logged; `json-lines.ts` prints events as JSON. */

import type { Observable } from 'rxjs';
import type { JobRecord } from '../../engine/model/job-record.ts';
import { steady } from '../../engine/time/steady-clock.ts';
import type { JobProgress } from '../../engine/views/progress.ts';
import type { JobEvent, TaskState } from '../../events/event.ts';
import { isolate } from '../../events/isolate.ts';
import { systemClock } from '../../events/system-clock.ts';
import { type OutputGate, outputGate } from '../../executors/process/output-gate.ts';
import type { CliIo, OutputStream } from '../terminal/io.ts';
import { createPrinter, type Printer } from '../terminal/printer.ts';
import { recordedTimeLeft, toldTimeLeft } from './estimate.ts';
import { liveFrame, type Panels } from './frame.ts';
import { type KeyInput, readKeys } from './keys.ts';
import { liveLines } from './lines.ts';
import { createLiveScreen } from './screen.ts';
import { createLiveRecorder, type LivePlan } from './state.ts';

export type LiveView = {
  readonly event: (event: JobEvent) => void;
  /** Prints a line above the live part; after `stop`, at the end of the output. */
  readonly print: (line: string) => void;
  /** Notes that the user typed a line, which the terminal echoed below. */
  readonly onInput: () => void;
  /** Removes the live part, leaves what was printed above it, shows the cursor. Further calls have no effect. */
  readonly stop: () => void;
};

/** The job to display. Its record and counts are updated with each event before the view receives the event. */
export type DisplayedJob = {
  readonly record: JobRecord;
  readonly counts: () => Readonly<Record<TaskState, number>>;
};

export type LiveViewOptions = {
  readonly stream: OutputStream;
  readonly env: CliIo['env'];
  /** Whether to print all events, including every line that a task prints. */
  readonly verbose: boolean;
  /** What the job tells of its progress. Default: the time left is estimated from the record. */
  readonly progress$?: Observable<JobProgress> | undefined;
  /** How many tasks may run at once, for an estimate from the record. Default: no limit. */
  readonly workers?: number;
  /** The terminal to read keys from; absent if none are read. */
  readonly keys?: KeyInput | undefined;
  /** Pauses the output of tasks: closed while the stream's buffer is full. */
  readonly gate?: OutputGate;
  /** The clock and its timers. Default: the system's, with timers that don't keep the process alive. */
  readonly clock?: LiveClock;
};

export type LiveClock = {
  /** Returns the time in epoch ms. */
  readonly now: () => number;
  /** Calls back once after `delayMs`. Returns a function that cancels the timer. */
  readonly setTimer: (callback: () => void, delayMs: number) => () => void;
};

/** Returns whether the stream is a terminal that can move its cursor, and not the log of a CI. */
export const wantsLiveView = (stream: OutputStream, env: CliIo['env']): boolean =>
  Boolean(stream.isTTY) && env.TERM !== 'dumb' && (!env.CI || env.CI === 'false' || env.CI === '0');

/**
 * Displays a job on a terminal. Prints failures with their last lines of output, retries and tasks that are not ready;
 * with `verbose`, all events. Below these lines a timer redraws the live part, which shows tasks and progress.
 */
export const createLiveView = (plan: LivePlan, job: DisplayedJob, options: LiveViewOptions): LiveView => {
  const {
    stream,
    env,
    verbose,
    progress$,
    workers,
    keys: input,
    gate = outputGate(),
    clock = createLiveClock(),
  } = options;
  const recorder = createLiveRecorder(plan, job.record);
  const timeLeft = progress$ ? toldTimeLeft(progress$, clock.now) : recordedTimeLeft(plan, job.record, workers);
  const screen = createLiveScreen(stream);
  const base = createPrinter(stream, env);
  let panels: Panels = { waiting: false, done: false, help: false };
  let above = '';
  let state: 'live' | 'full' | 'stopped' | 'broken' = 'live';

  const draw = (): void => {
    if (state !== 'live') return;
    const nowMs = clock.now();
    const leftMs = timeLeft.leftMs(nowMs);
    const look = {
      ...screen.size(),
      nowMs,
      counts: job.counts(),
      leftMs,
      style: base.style,
      panels: keys?.isReading() ? panels : undefined,
    };
    const text = above;
    above = '';
    if (screen.draw(text, liveFrame(recorder.state, look))) return;
    state = 'full';
    gate.close();
    stream.once('drain', drained);
  };
  const drained = (): void => {
    if (state !== 'full') return;
    state = 'live';
    gate.open();
  };
  const print = (line: string): void => {
    if (state === 'broken') return;
    if (state === 'stopped') {
      stream.write(`${line}\n`);
      return;
    }
    above += `${line}\r\n`;
    if (above.length > MAX_ABOVE_LENGTH) draw();
  };

  const printer: Printer = { ...base, line: (text = '') => print(text), flush: draw };
  const lines = liveLines(plan.names, printer, job.record);
  const isolated = isolate('The live view');
  let stopTimer = (): void => {};
  const tick = (): void => {
    stopTimer = clock.setTimer(tick, FRAME_MS);
    isolated(draw);
  };
  const onKey = (key: string): void => {
    const panel = PANELS[key];
    if (!panel) return;
    panels = { ...panels, [panel]: !panels[panel] };
    isolated(draw);
  };
  const keys = input && readKeys(input, onKey);
  const stop = (): void => {
    stopTimer();
    timeLeft.stop();
    keys?.pause();
    process.off('exit', stop);
    process.off('SIGTSTP', suspend);
    process.off('SIGCONT', wake);
    process.off('SIGQUIT', quit);
    if (state === 'stopped' || state === 'broken') return;
    drained();
    state = 'stopped';
    screen.erase(above);
  };
  /** On Ctrl-Z, removes the live part and stops the process. After `fg`, drawing begins at the cursor. */
  const suspend = (): void => {
    if (state !== 'broken') screen.erase(above);
    above = '';
    keys?.pause();
    process.kill(process.pid, 'SIGSTOP');
  };
  /** On SIGQUIT, leaves the terminal as it should be, and dies of the signal. */
  const quit = (): void => {
    stop();
    process.kill(process.pid, 'SIGQUIT');
  };
  /** After a stop by somebody else, too, when another program may have had the terminal. */
  const wake = (): void => {
    keys?.pause();
    keys?.resume();
  };
  void base.broken.then(() => {
    state = 'broken';
    stop();
    gate.open();
  });
  process.once('exit', stop);
  process.on('SIGTSTP', suspend);
  process.on('SIGCONT', wake);
  process.on('SIGQUIT', quit);
  stopTimer = clock.setTimer(tick, FRAME_MS);

  return {
    event: (event) => {
      if (verbose) lines(event);
      else if (event.type === 'task.transition' && ANNOUNCED.has(event.to)) {
        if (event.to === 'failed') for (const line of recorder.tailOf(event.task)) lines(line);
        lines(event);
      }
      recorder.record(event);
    },
    print,
    onInput: screen.onInput,
    stop,
  };
};

/** Twelve times a second: smooth for the eye, and slow enough for a remote terminal. */
const FRAME_MS = 80;

/** The panels that keys open and close. */
const PANELS: Readonly<Record<string, keyof Panels>> = { w: 'waiting', d: 'done', '?': 'help' };

/** Printed text waits for the next frame, up to this many characters. */
const MAX_ABOVE_LENGTH = 256 * 1024;

/** The states that are printed even without `verbose`. */
const ANNOUNCED: ReadonlySet<TaskState> = new Set(['failed', 'retrying', 'notReady']);

const createLiveClock = (): LiveClock => ({
  now: steady(systemClock).now,
  setTimer: (callback, delayMs) => {
    const timer = setTimeout(callback, delayMs).unref();
    return () => clearTimeout(timer);
  },
});
