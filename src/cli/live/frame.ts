import { beganAt, type JobRecord, pausedWithin } from '../../engine/model/job-record.ts';
import type { TaskState } from '../../events/event.ts';
import { SETTLED } from '../../events/states.ts';
import { cutEnd, cutMiddle, padEnd, textWidth } from '../../events/text-width.ts';
import { formatDuration } from '../terminal/format-time.ts';
import type { Printer } from '../terminal/printer.ts';
import { plainText } from '../terminal/safe-text.ts';
import { COMPLETED_REASONS, SKIP_REASONS, STATE_STYLES, STATE_WORDS } from '../terminal/state-style.ts';
import { activeTasks, childCountsOf, isWaiting, type LiveState, type LiveTask, type Working } from './state.ts';

export type FrameOptions = {
  /** Size of the window. Lines are narrower than `columns`, and there are fewer of them than `rows`. */
  readonly columns: number;
  readonly rows: number;
  readonly nowMs: number;
  /** How many top-level tasks are in each state. */
  readonly counts: Readonly<Record<TaskState, number>>;
  readonly leftMs?: number | undefined;
  readonly style: Printer['style'];
  /** What the keys have opened; absent if keys are not read. */
  readonly panels?: Panels | undefined;
};

/** The parts of the view that keys open and close. */
export type Panels = { readonly waiting: boolean; readonly done: boolean; readonly help: boolean };

/**
 * Returns the lines of the live part, from top to bottom:
 *
 *     • extract    12s  page 40 of 55
 *     • transform  0.3s
 *     … and 37 more running
 *     ━━━━━━━━━━────────────────────  12/50  2 failed  14s elapsed, about 30s left
 *
 * Running tasks are in order of start, so that long ones rise and stay. If there is room, waiting tasks are shown too,
 * and tasks whose nested tasks or instances run. Nested tasks and instances are grouped with their top-level task.
 * Above them stand the tasks that are done, below them those that have not started, if a key has opened these panels.
 */
export const liveFrame = (state: LiveState, look: FrameOptions): readonly string[] => {
  const { style } = look;
  const width = look.columns - 1;
  if (width < 1) return [];
  const work = activeTasks(state);
  const { panels } = look;
  const help = panels?.help ? [style('dim', cutEnd(KEYS_HELP, width))] : [];
  const room = Math.max(0, look.rows - 4 - help.length);
  // A panel may have a third of the room, and more where the rest leaves it.
  const third = Math.floor(room / 3);
  const doneCount = panels?.done ? state.settled.size : 0;
  const waitingCount = panels?.waiting ? state.waiting.size : 0;
  const shown = chosen(work, Math.max(0, room - Math.min(third, doneCount) - Math.min(third, waitingCount)));
  const more = moreLine(work, shown, width, look);
  const left = room - shown.length;
  const waitingRows = Math.min(waitingCount, Math.max(third, left - doneCount));
  const done = lastOf(state.settled, Math.min(doneCount, Math.max(0, left - waitingRows)));
  const waiting = firstOf(state.waiting.keys(), waitingRows < waitingCount ? waitingRows - 1 : waitingRows);
  const widest = [...done, ...waiting].reduce((most, name) => Math.max(most, textWidth(name)), state.nameWidth);
  const nameWidth = Math.max(1, Math.min(widest, MAX_NAME_WIDTH, Math.max(10, Math.floor(width / 3))));
  const times = shown.map(({ since }) => formatElapsed(look.nowMs - since));
  const timeWidth = times.reduce((most, time) => Math.max(most, time.length), 4);
  const taskLines = shown.map((task, index) => {
    const time = (times[index] ?? '').padStart(timeWidth);
    return taskLine(task, time, nameWidth, width, state, look);
  });
  const quiet = (name: string, time: string, text: string, format: Format): string =>
    quietLine({ name, time: time.padStart(timeWidth), text, format }, nameWidth, width, look);
  const lines = [
    ...done.map((name) => {
      const { state: how, text, time } = settledText(name, state);
      return quiet(name, time, text, STATE_STYLES[how]);
    }),
    ...taskLines,
    ...(more === undefined ? [] : [more]),
    ...waiting.map((name) => quiet(name, '', waitingText(name, state), 'dim')),
    ...(waiting.length < waitingCount && waitingRows > 0
      ? [style('dim', cutEnd(`… and ${waitingCount - waiting.length} more not started`, width))]
      : []),
    barLine(state, width, look),
    ...help,
  ];
  return lines.slice(Math.max(0, lines.length - Math.max(0, look.rows - 1)));
};

const MAX_NAME_WIDTH = 40;
const GAP = '  ';
const KEYS_HELP = 'w what waits, d what is done, ? these keys, Ctrl-C cancels';

const firstOf = (names: Iterable<string>, count: number): readonly string[] => {
  const first: string[] = [];
  for (const name of names) {
    if (first.length >= count) break;
    first.push(name);
  }
  return first;
};

const lastOf = (names: ReadonlySet<string>, count: number): readonly string[] =>
  count === 0 ? [] : [...names].slice(-count);

type QuietRow = { readonly name: string; readonly time: string; readonly text: string; readonly format: Format };

/** Returns the row of a task that does not run. */
const quietLine = (
  { name, time, text, format }: QuietRow,
  nameWidth: number,
  width: number,
  look: FrameOptions,
): string => {
  const { style } = look;
  const shown = padEnd(cutMiddle(rowText(name), nameWidth), nameWidth);
  const room = width - (2 + nameWidth + GAP.length + time.length + GAP.length);
  if (room < 1) return style('dim', cutEnd(`• ${shown}`, width));
  return `${style('dim', `• ${shown}${GAP}${time}`)}${GAP}${style(format, cutEnd(rowText(text), room))}`;
};

const settledText = (name: string, { record }: LiveState): { state: TaskState; text: string; time: string } => {
  const task = record.tasks.get(name);
  const how = task?.state ?? 'unscheduled';
  const startedAt = task && beganAt(record, task);
  const time = startedAt === undefined || task?.endedAt === undefined ? '' : formatElapsed(task.endedAt - startedAt);
  const { reason = '' } = task ?? {};
  const said =
    how === 'completed' ? COMPLETED_REASONS[reason] : how === 'failed' ? '' : (SKIP_REASONS[reason] ?? reason);
  const why = said ? `: ${said}` : '';
  return { state: how, text: `${STATE_WORDS[how] ?? how}${why}`, time };
};

const waitingText = (name: string, { record, waiting }: LiveState): string => {
  if (record.tasks.get(name)?.state === 'ready') return 'waits for its turn';
  const before = (waiting.get(name) ?? []).filter((one) => !SETTLED.has(record.tasks.get(one)?.state ?? 'unscheduled'));
  return before.length === 0 ? 'waits' : `waits for ${before.join(', ')}`;
};

/** Picks the tasks to show: working tasks first, then other tasks if there is room. */
const chosen = ({ tasks, working }: Working, room: number): readonly LiveTask[] => {
  const shown: LiveTask[] = [];
  let spare = Math.max(0, room - working.size);
  let left = room - spare;
  for (const task of tasks) {
    if (left === 0 && spare === 0) break;
    if (working.has(task)) {
      if (left-- > 0) shown.push(task);
    } else if (spare > 0 && (isWaiting(task) || task.record.state === 'running')) {
      spare--;
      shown.push(task);
    }
  }
  return grouped(shown);
};

/** Puts nested tasks and instances of the same top-level task next to each other. */
const grouped = (tasks: readonly LiveTask[]): readonly LiveTask[] => {
  const groups = new Map<string, LiveTask[]>();
  for (const task of tasks) {
    const root = task.path.replace(/[/[].*$/s, '');
    groups.set(root, [...(groups.get(root) ?? []), task]);
  }
  return [...groups.values()].flat();
};

const taskLine = (
  task: LiveTask,
  time: string,
  nameWidth: number,
  width: number,
  live: LiveState,
  { style, nowMs }: FrameOptions,
): string => {
  const name = padEnd(cutMiddle(rowText(task.path), nameWidth), nameWidth);
  const colour = STATE_STYLES[task.record.state];
  const head = `${style(colour, '•')} ${style('bold', name)}${GAP}${time}`;
  const room = width - (2 + nameWidth + GAP.length + time.length + GAP.length);
  if (room < 0) return cutEnd(`• ${name}`, width);
  const texts = stateTexts(task, live, nowMs);
  const state = room > 0 ? cutEnd(texts.find((text) => textWidth(text) <= room) ?? texts.at(-1) ?? '', room) : '';
  const rest = room - textWidth(state) - (state === '' ? 0 : GAP.length);
  const output = rest > 0 ? cutEnd(rowText(task.lastLine).slice(0, 4 * rest), rest) : '';
  return [head, state && style(colour, state), output && style('dim', output)].filter((part) => part !== '').join(GAP);
};

/** Returns what to say of a task's state, and what to say of it where that is too wide. */
const stateTexts = (task: LiveTask, live: LiveState, nowMs: number): readonly string[] => {
  const waited = task.sensor && task.record.state !== 'paused' ? [sensorText(task, live.record, nowMs)] : [];
  return [stateText(task, live, nowMs), ...waited, ...waited.map((text) => text.replace('waited ', ''))];
};

const stateText = (task: LiveTask, { record }: LiveState, nowMs: number): string => {
  const { fraction, path } = task;
  const { state, attempts, dueAt } = task.record;
  const waited = task.sensor && state !== 'paused' ? sensorText(task, record, nowMs) : undefined;
  const also = waited === undefined ? '' : `${waited}, `;
  // Don't show a wait of less than a second: the number would be gone before anyone reads it.
  const due = dueAt !== undefined && dueAt - nowMs >= 1000 ? ` in ${Math.ceil((dueAt - nowMs) / 1000)}s` : '';
  switch (state) {
    case 'retrying':
      return `retrying${due}`;
    case 'polling':
      return `${also}polling again${due}`;
    case 'paused':
      return 'paused';
    case 'ready':
      return task.isExternal ? 'waiting for somebody outside' : 'waiting for its turn';
    default: {
      const { heard, ended } = childCountsOf(record, path);
      const parts = [
        ...(waited === undefined ? [] : [waited]),
        ...(attempts > 1 ? [`attempt ${attempts}`] : []),
        ...(heard > 0 ? [`${ended} of ${heard} done`] : []),
        ...(fraction === undefined ? [] : [`${Math.floor(fraction * 100)}%`]),
      ];
      return parts.join(', ');
    }
  }
};

/** Returns how long a sensor has waited, without paused time, and its deadline: `waited 2m 05s of 10m`. */
const sensorText = ({ sensor, record: task, since }: LiveTask, { paused }: JobRecord, nowMs: number): string => {
  const from = task.firstReadyAt ?? since;
  const waitedMs = nowMs - from - pausedWithin([...paused, ...(task.paused ?? [])], from, nowMs);
  const limit =
    sensor?.deadlineMs === undefined ? '' : ` of ${formatElapsed(sensor.deadlineMs).replace(/ 0+[ms]$/, '')}`;
  return `waited ${formatElapsed(waitedMs)}${limit}`;
};

const moreLine = (
  { tasks, working }: Working,
  shown: readonly LiveTask[],
  width: number,
  { style }: FrameOptions,
): string | undefined => {
  const running = working.size - shown.filter((task) => working.has(task)).length;
  const idle = tasks.filter(isWaiting).length - shown.filter(isWaiting).length;
  const more = shown.length > 0 ? 'more ' : '';
  const parts = [
    ...(running > 0 ? [`${running} ${more}running`] : []),
    ...(idle > 0 ? [`${idle} ${running > 0 ? '' : more}waiting`] : []),
  ];
  if (parts.length === 0) return undefined;
  return style('dim', cutEnd(`… ${shown.length > 0 ? 'and ' : ''}${parts.join(', ')}`, width));
};

/** Returns the bar, with counts and times beside it. A narrow window shows fewer of these. */
const barLine = ({ record }: LiveState, width: number, look: FrameOptions): string => {
  const { style, nowMs, leftMs, counts } = look;
  const total = sumOf(counts, Object.keys(counts));
  const settled = String(sumOf(counts, SETTLED)).padStart(String(total).length);
  const count: Part = { text: `${settled}/${total}`, format: 'bold' };
  const countsOf = (...states: readonly TaskState[]): readonly Part[] =>
    states
      .filter((name) => counts[name] > 0)
      .map((name) => ({ text: `${counts[name]} ${STATE_WORDS[name] ?? name}`, format: STATE_STYLES[name] }));
  const failed = countsOf('failed');
  const others = countsOf('notReady', 'skipped', 'cancelled');
  const elapsed = formatElapsed(nowMs - (record.startedAt ?? nowMs));
  const left = leftMs === undefined ? undefined : formatLeft(leftMs);
  const dim = (text: string): Part => ({ text, format: 'dim' });
  const keys = look.panels && !look.panels.help ? [dim('? keys')] : [];
  const long = dim(`${elapsed} elapsed${left === undefined ? '' : `, about ${left} left`}`);
  const short = dim(`${elapsed}${left === undefined ? '' : `, ~${left} left`}`);

  // The width of the bar does not depend on the text beside it.
  const cells = Math.max(MIN_BAR, Math.min(MAX_BAR, Math.floor(width / 3)));
  for (const parts of [
    [count, ...failed, ...others, long, ...keys],
    [count, ...failed, ...others, short, ...keys],
    [count, ...failed, ...others, long],
    [count, ...failed, ...others, short],
    [count, ...failed, short],
    [count, ...failed, dim(elapsed)],
    [count, ...failed],
    [count],
  ]) {
    if (cells + parts.reduce((sum, { text }) => sum + GAP.length + text.length, 0) > width) continue;
    return [bar(counts, cells, style), ...parts.map(({ text, format }) => style(format, text))].join(GAP);
  }
  return style('bold', cutEnd(count.text, width));
};

const sumOf = (counts: FrameOptions['counts'], states: Iterable<string>): number => {
  let sum = 0;
  for (const state of states) sum += counts[state as TaskState];
  return sum;
};

type Format = Parameters<Printer['style']>[0];
type Part = { readonly text: string; readonly format: Format };

const MIN_BAR = 10;
const MAX_BAR = 40;

/** Draws a bar that is full only when all tasks have ended, and shows a failure even if it is one of thousands. */
const bar = (counts: FrameOptions['counts'], cells: number, style: Printer['style']): string => {
  const total = sumOf(counts, Object.keys(counts));
  const settled = sumOf(counts, SETTLED);
  const upTo = (count: number): number => (total === 0 ? cells : Math.floor((count / total) * cells));
  const full = upTo(settled);
  const failed = Math.min(full, Math.max(full - upTo(settled - counts.failed), counts.failed > 0 ? 1 : 0));
  const completed = Math.min(full - failed, upTo(counts.completed));
  const parts: readonly Part[] = [
    { text: '━'.repeat(completed), format: 'green' },
    { text: '━'.repeat(full - failed - completed), format: 'gray' },
    { text: '━'.repeat(failed), format: 'red' },
    { text: '─'.repeat(cells - full), format: 'dim' },
  ];
  return parts.map(({ text, format }) => (text === '' ? '' : style(format, text))).join('');
};

/** Makes text from outside safe for one row: no control characters, and none that change the writing direction. */
const rowText = (text: string): string =>
  plainText(text.slice(0, MAX_LOOKED_AT)).replace(/\t/g, ' ').replace(DIRECTION, '').trim();

/** How many characters of a text are looked at: a row shows only the beginning of a very long line. */
const MAX_LOOKED_AT = 2048;

const DIRECTION = /[\u061C\u200E\u200F\u202A-\u202E\u2066-\u2069]/g;

/** Formats elapsed time. Shows tenths up to ten seconds only, so that rows of longer tasks change once a second. */
const formatElapsed = (ms: number): string => {
  const shownMs = Math.max(0, ms);
  if (shownMs < 9950) return `${(Math.floor(shownMs / 100) / 10).toFixed(1)}s`;
  return shownMs < 60_000 ? `${Math.floor(shownMs / 1000)}s` : formatDuration(Math.floor(shownMs / 1000) * 1000);
};

/** Formats a rough time, rounded up: to 1 s below 10 s, to 5 s below 1 min, to 10 s below 10 min, else to 1 min. */
export const formatLeft = (ms: number): string => {
  const seconds = Math.max(1, ms / 1000);
  const step = seconds <= 10 ? 1 : seconds <= 60 ? 5 : seconds <= 600 ? 10 : 60;
  const rough = Math.ceil(seconds / step) * step;
  if (rough < 60) return `${rough}s`;
  return rough < 3600 && rough % 60 === 0 ? `${rough / 60}m` : formatDuration(rough * 1000);
};
