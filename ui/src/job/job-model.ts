import type { TaskState } from '../../../src/events/event.ts';
import type { JobColumns } from '../../../src/wire/job-columns.ts';
import { applyEvent, emptyTable, type JobTable, pathOf, tableOf } from '../../../src/wire/job-table.ts';
import { kindOf, REMOVED, stateOf, type WireKind } from '../../../src/wire/letters.ts';
import { changesIn, type PatchEvent } from '../../../src/wire/patches.ts';
import { StateTally } from './state-tally.ts';

/**
 * A job as the page has it: the columns of the server, changed in place by patches. Whoever watches is told once a frame.
 * Everything that is read (`state`, `counts`, `now` …) is that of the moment on show: now, or one that is replayed.
 */
export class JobModel {
  readonly live: JobTable;
  /** Changes whenever tasks are added or removed: what depends on the shape of the graph is made anew then. */
  shape = 0;
  /** Changes with everything. */
  version = 0;

  #shown: JobTable;
  #moment: number | undefined;
  /** What has come since the history was asked for, and once it is known, before that too. */
  #events: PatchEvent[] | undefined;
  /** Tasks that were told of, but that no `seq` contains yet. */
  #announced: PatchEvent[] = [];
  #hasHistory = false;
  #serverNow: number;
  #heardAt = performance.now();
  #tally: StateTally | undefined;
  #isCounted = false;
  #paths: Map<string, number> | undefined;
  #down: { readonly shape: number; readonly columns: readonly (readonly number[])[] } | undefined;
  #asked = false;
  readonly #watchers = new Set<() => void>();

  constructor(columns: JobColumns) {
    this.live = tableOf(columns);
    this.#shown = this.live;
    this.#serverNow = columns.now;
  }

  /** Applies what the stream says. */
  apply(event: PatchEvent): void {
    if (event.seq !== undefined && event.type !== 'tasks' && event.seq <= this.live.seq && event.type === 'patch')
      return;
    applyEvent(this.live, event);
    this.#events?.push(event);
    if (event.type === 'tasks') this.#announced.push(event);
    else if (event.seq !== undefined) this.#announced = [];
    if (event.type === 'patch') for (const { at } of changesIn(event.data)) this.#hear(this.live.startedAt + at);
    else if (event.type === 'job') this.#hear(event.data.at);
    if (event.type === 'tasks' || (event.type === 'patch' && hasRemoved(event.data))) this.shape += 1;
    this.#changed();
  }

  #hear(at: number): void {
    if (at <= this.#serverNow) return;
    this.#serverNow = at;
    this.#heardAt = performance.now();
  }

  get id(): string {
    return this.live.job.id;
  }

  get head(): JobTable['job'] {
    return this.live.job;
  }

  /** Whether the job has ended; somebody may retry it. */
  get isOver(): boolean {
    return this.live.job.endedAt !== undefined;
  }

  get seq(): number {
    return this.live.seq;
  }

  get startedAt(): number {
    return this.live.startedAt;
  }

  /** Number of indices, those of removed tasks too. */
  get size(): number {
    return this.#shown.names.length;
  }

  get table(): JobTable {
    return this.#shown;
  }

  /** The server's time in ms since the start of the job; once it is over, its end. A wrong clock of this machine does not matter. */
  get liveNow(): number {
    const { endedAt } = this.live.job;
    const now = endedAt ?? this.#serverNow + (performance.now() - this.#heardAt);
    return now - this.live.startedAt;
  }

  /** The moment on show, in ms since the start of the job. */
  get now(): number {
    return this.#moment ?? this.liveNow;
  }

  /** The moment that is replayed; undefined while the page is live. */
  get moment(): number | undefined {
    return this.#moment;
  }

  get hasHistory(): boolean {
    return this.#hasHistory;
  }

  /** Keeps what comes from now on. Returns the `seq` up to which `setHistory` is to say what happened. */
  beginHistory(): number {
    this.#events = [...this.#announced];
    return this.live.seq;
  }

  /** All that happened before `beginHistory`; what came since is known. */
  setHistory(events: readonly PatchEvent[]): void {
    this.#events = [...events, ...(this.#events ?? [])];
    this.#hasHistory = true;
    if (this.#moment !== undefined) this.replay(this.#moment);
    this.#changed();
  }

  /** The events of the whole job in their order, once they are known. */
  get events(): readonly PatchEvent[] {
    return this.#hasHistory ? (this.#events ?? []) : [];
  }

  /** Shows the job as it was at a moment, in ms since its start; undefined shows it live again. Needs the history. */
  replay(moment: number | undefined): void {
    if (moment === undefined && this.#moment === undefined) return;
    this.#moment = moment;
    if (moment === undefined || !this.#hasHistory) this.#shown = this.live;
    else this.#shown = tableAt(this.live, this.events, moment);
    this.shape += 1;
    this.#changed();
  }

  isRemoved(index: number): boolean {
    return this.#shown.state[index] === REMOVED;
  }

  /** The state on show; a removed task counts as cancelled. */
  state(index: number): TaskState {
    return stateOf(this.#shown.state[index] as string) ?? 'cancelled';
  }

  /** The state now, whatever moment is on show: commands are of now. */
  liveState(index: number): TaskState {
    return stateOf(this.live.state[index] as string) ?? 'cancelled';
  }

  kind(index: number): WireKind {
    return kindOf(this.#shown.kind[index] as string);
  }

  name(index: number): string {
    return this.#shown.names[index] as string;
  }

  path(index: number): string {
    return pathOf(this.#shown, index);
  }

  /** The index of a path; undefined if there is no such task. */
  indexOf(path: string): number | undefined {
    let paths = this.#paths;
    if (paths === undefined || paths.size < this.live.names.length) {
      paths = new Map();
      const own: string[] = [];
      for (const [index, name] of this.live.names.entries()) {
        const around = this.live.parent[index] as number;
        own[index] = around < 0 ? name : `${own[around]}${name.startsWith('[') ? '' : '/'}${name}`;
        paths.set(own[index] as string, index);
      }
      this.#paths = paths;
    }
    return paths.get(path);
  }

  /** What is directly inside a task, without what was removed; the tasks at the top for -1. */
  inside(index: number): readonly number[] {
    const all = index < 0 ? this.#tops() : (this.#shown.inside.get(index) ?? []);
    return all.filter((one) => this.#shown.state[one] !== REMOVED);
  }

  #tops(): readonly number[] {
    const tops: number[] = [];
    for (let index = 0; index < this.size; index += 1) if (this.#shown.parent[index] === -1) tops.push(index);
    return tops;
  }

  parent(index: number): number {
    return this.#shown.parent[index] as number;
  }

  upstream(index: number): readonly number[] {
    return this.#shown.up[index] ?? [];
  }

  downstream(index: number): readonly number[] {
    if (this.#down?.shape !== this.shape) {
      const columns: number[][] = Array.from({ length: this.size }, () => []);
      for (const [own, ups] of this.#shown.up.entries()) for (const up of ups) columns[up]?.push(own);
      this.#down = { shape: this.shape, columns };
    }
    return this.#down.columns[index] ?? [];
  }

  /** How many tasks without others inside stand in each state: within a task, or in the whole job for -1. */
  get tally(): StateTally {
    if (this.#tally === undefined) this.#tally = new StateTally(this.#shown);
    else if (!this.#isCounted) this.#tally.update(this.#shown);
    this.#isCounted = true;
    return this.#tally;
  }

  /** The same as they are now, whatever moment is on show: what a command asks has numbers of now. */
  get liveTally(): StateTally {
    return this.#shown === this.live ? this.tally : new StateTally(this.live);
  }

  watch = (watcher: () => void): (() => void) => {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  };

  #changed(): void {
    this.#isCounted = false;
    if (this.#asked) return;
    this.#asked = true;
    requestAnimationFrame(() => {
      this.#asked = false;
      this.version += 1;
      for (const watcher of this.#watchers) watcher();
    });
  }
}

const hasRemoved = (data: readonly (number | string)[]): boolean => {
  for (let at = 1; at < data.length; at += 4) if (data[at] === REMOVED) return true;
  return false;
};

/** The job at a moment, by all its events up to then. */
const tableAt = (live: JobTable, events: readonly PatchEvent[], moment: number): JobTable => {
  const before = {
    state: 'idle',
    startedAt: undefined,
    endedAt: undefined,
    reason: undefined,
    error: undefined,
  } as const;
  const table = emptyTable(live.epoch, live.startedAt, { ...live.job, ...before });
  for (const event of events) {
    if (event.type === 'patch') {
      const data: (number | string)[] = [];
      let isLater = false;
      for (const { index, state, at, attempt } of changesIn(event.data)) {
        if (at > moment) {
          isLater = true;
          break;
        }
        data.push(index, state, at, attempt);
      }
      applyEvent(table, { ...event, data });
      if (isLater) break;
    } else if (event.type === 'tasks') applyEvent(table, event);
    else if (event.type === 'job') {
      if (event.data.at > live.startedAt + moment) break;
      applyEvent(table, event);
    }
  }
  return table;
};
