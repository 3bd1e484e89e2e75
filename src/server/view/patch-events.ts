import { cutText } from '../../events/cut-text.ts';
import type { JobEvent } from '../../events/event.ts';
import { PATCH_BYTES, type PatchEvent, type TaskProgress, type TaskRow, tasksAdded } from '../../wire/patches.ts';
import { type JobFold, jobChangeOf, rowsOf, taskChangeOf } from './job-fold.ts';

/** An event of a stream of patches, and its data as JSON. */
export type PatchFrame = {
  readonly type: PatchEvent['type'];
  readonly seq: number | undefined;
  readonly json: string;
};

/** Returns what events changed, in their order; `fold` contains them already. Only reports of progress are merged. */
export const patchFrames = (fold: JobFold, events: readonly JobEvent[]): readonly PatchFrame[] => {
  const frames: PatchFrame[] = [];
  let changes: { readonly seq: number; readonly json: string }[] = [];
  const rows = new Map<number, TaskRow>();
  const progress = new Map<number, TaskProgress>();
  const flush = (): void => {
    for (const part of parts([...rows.values()], (row) => bytesIn(JSON.stringify(row))))
      frames.push({ type: 'tasks', seq: undefined, json: JSON.stringify(tasksAdded(part)) });
    for (const part of parts(changes, ({ json }) => json.length + 1))
      frames.push({ type: 'patch', seq: part.at(-1)?.seq, json: `[${part.map(({ json }) => json).join(',')}]` });
    for (const part of parts([...progress.values()], (one) => bytesIn(JSON.stringify(one)) + 1))
      frames.push({ type: 'progress', seq: undefined, json: JSON.stringify(part) });
    changes = [];
    rows.clear();
    progress.clear();
  };
  for (const event of events) {
    for (const row of rowsOf(fold, event)) rows.set(row.index, row);
    const change = taskChangeOf(fold, event);
    if (change) {
      const { index, state, at, attempt } = change;
      changes.push({ seq: event.seq, json: `${index},"${state}",${at},${attempt}` });
    }
    const report = progressOf(fold, event);
    if (report) progress.set(report[0], report);
    const ofJob = jobChangeOf(event);
    if (!ofJob) continue;
    flush();
    frames.push({ type: 'job', seq: event.seq, json: JSON.stringify(ofJob) });
  }
  flush();
  return frames;
};

const progressOf = ({ indexOf }: JobFold, event: JobEvent): TaskProgress | undefined => {
  if (event.type !== 'task.progress') return undefined;
  const { task, attempt, fraction, message } = event;
  const index = indexOf.get(task);
  if (index === undefined) return undefined;
  return message === undefined ? [index, attempt, fraction] : [index, attempt, fraction, cutText(message, 500)];
};

const bytesIn = (text: string): number => Buffer.byteLength(text);

/** Divides items so that the JSON of each part is no longer than a frame may be. */
const parts = <Item>(items: readonly Item[], lengthOf: (item: Item) => number): Item[][] => {
  const found: Item[][] = [];
  let room = 0;
  for (const item of items) {
    const length = lengthOf(item);
    const last = found.at(-1);
    if (last && length <= room) last.push(item);
    else {
      found.push([item]);
      room = PATCH_BYTES - FRAME_BYTES;
    }
    room -= length;
  }
  return found;
};

/** Room for what stands around the data of a frame. */
const FRAME_BYTES = 200;
