import type { Clock } from '../../engine/time/clock.ts';
import type { Logger } from '../../events/logger.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { HttpProblem, notFound } from '../http/problem.ts';
import type { StartParts } from '../jobs/start-job.ts';
import type { ServiceStore } from '../store/service-store.ts';
import { type DefinedSchedule, fileSchedules } from './file-schedules.ts';
import type { Schedule } from './schedule.ts';
import { type Outcome, stateIn } from './schedule-state.ts';
import { type RunParts, ScheduledRuns } from './scheduled-runs.ts';
import { storedSchedules } from './stored-schedules.ts';

/** A schedule with its runs. */
export type ScheduleEntry = DefinedSchedule & {
  readonly runs: ScheduledRuns;
  /** Why another schedule of this name is not used. */
  readonly problems: readonly string[];
};

export type Schedules = {
  /** All schedules, by name. Those of code go before those of files, uploads, and the API. */
  readonly list: () => readonly ScheduleEntry[];
  /** @throws HttpProblem `SCHEDULE_NOT_FOUND` */
  readonly get: (name: string) => ScheduleEntry;
  /** Keeps a new schedule. @throws HttpProblem `SCHEDULE_EXISTS` */
  readonly create: (schedule: Schedule) => Promise<ScheduleEntry>;
  /** @throws HttpProblem `SCHEDULE_NOT_FOUND`, `DEFINED_IN_FILE` */
  readonly replace: (schedule: Schedule) => Promise<ScheduleEntry>;
  /** Removes a schedule; its jobs stay. @throws HttpProblem `SCHEDULE_NOT_FOUND`, `DEFINED_IN_FILE` */
  readonly remove: (name: string) => Promise<void>;
  /** Arms the timer again, after a change of what is to be done. */
  readonly rearm: () => void;
  /** Calls `listener` when something has become of a due time; returns a function that ends this. */
  readonly onOutcome: (listener: OutcomeListener) => () => void;
  /** Begins to start jobs. Resolves when it is known what an earlier process has left. @throws JournalError */
  readonly open: () => Promise<void>;
  /** Starts no more jobs. Resolves when nothing is under way. */
  readonly close: () => Promise<void>;
};

export type OutcomeListener = (schedule: string, outcome: Outcome) => void;

export type SchedulesParts = StartParts & {
  readonly store: ServiceStore;
  readonly clock: Clock;
  readonly logger: Logger | undefined;
  readonly requireWritable: () => void;
};

/** The clock is looked at so often at least, in ms: a machine that slept, or a clock that was set, is noticed. */
const LOOK_MS = 60_000;

/** `ofCode`: the schedules that the program defined. */
export const createSchedules = (parts: SchedulesParts, ofCode: readonly Schedule[]): Schedules => {
  const { store, clock, catalog, engine, logger } = parts;
  const stored = storedSchedules(store, () => clock.now());
  const listeners = new Set<OutcomeListener>();
  let entries: ReadonlyMap<string, ScheduleEntry> = new Map();
  let stage: 'new' | 'open' | 'closed' = 'new';
  let stopTimer = (): void => {};
  let stopListening = (): void => {};
  /** Changes of the list happen one after the other. */
  let last: Promise<unknown> = Promise.resolve();

  const runParts: RunParts = {
    ...parts,
    isClosed: () => stage !== 'open',
    onOutcome: (schedule, outcome) => {
      for (const listener of listeners) listener(schedule, outcome);
    },
    warn: (message) => logger?.warn(message),
  };

  const entryOf = async (defined: DefinedSchedule, problems: readonly string[]): Promise<ScheduleEntry> => {
    const known = entries.get(defined.schedule.name);
    if (known) {
      if (!isSame(known.schedule, defined.schedule)) await known.runs.replace(defined.schedule);
      return { ...defined, problems, runs: known.runs };
    }
    const kept = await store.get('due', defined.schedule.name);
    const runs = new ScheduledRuns(runParts, defined.schedule, kept && stateIn(kept.value));
    await runs.takeUp();
    return { ...defined, problems, runs };
  };

  const inOrder = <Answer>(act: () => Promise<Answer>): Promise<Answer> => {
    const done = underWayUntil(last.then(act));
    last = done.catch(() => {});
    return done;
  };

  const read = async (): Promise<void> => {
    const next = new Map<string, ScheduleEntry>();
    const all: readonly DefinedSchedule[] = [
      ...ofCode.map((schedule) => ({ schedule, source: 'code' as const })),
      ...fileSchedules(catalog).toSorted((a, b) => Number(a.source === 'upload') - Number(b.source === 'upload')),
      ...(await stored.list()).map((schedule) => ({ schedule, source: 'api' as const })),
    ];
    const byName = new Map<string, DefinedSchedule[]>();
    for (const one of all) byName.set(one.schedule.name, [...(byName.get(one.schedule.name) ?? []), one]);
    for (const [name, [first, ...others]] of [...byName].sort(([a], [b]) => (a < b ? -1 : 1)))
      if (first) next.set(name, await entryOf(first, others.map(doubleOf)));
    const gone = [...entries].filter(([name]) => !next.has(name));
    entries = next;
    await Promise.all(gone.map(([, { runs }]) => runs.end()));
    arm();
  };

  const arm = (): void => {
    stopTimer();
    if (stage !== 'open') return;
    const wakeAt = Math.min(...idle().map(({ wakeAt = Number.POSITIVE_INFINITY }) => wakeAt));
    stopTimer = clock.setTimer(look, Math.min(Math.max(0, wakeAt - clock.now()), LOOK_MS));
  };

  /** Those that are being looked at. */
  const looking = new Set<ScheduledRuns>();
  const idle = (): readonly ScheduledRuns[] =>
    [...entries.values()].map(({ runs }) => runs).filter((runs) => !looking.has(runs));

  const look = (): void => {
    const now = clock.now();
    for (const runs of idle()) {
      if ((runs.wakeAt ?? Number.POSITIVE_INFINITY) > now) continue;
      looking.add(runs);
      void underWayUntil(runs.look()).then(() => {
        looking.delete(runs);
        arm();
      });
    }
    arm();
  };

  const get = (name: string): ScheduleEntry => {
    const entry = entries.get(name);
    if (!entry) throw notFound('schedule', 'SCHEDULE_NOT_FOUND', name);
    return entry;
  };

  const requireOfApi = (name: string): void => {
    const { source, file } = get(name);
    if (source !== 'api') throw definedElsewhere(name, source, file);
  };

  return {
    list: () => [...entries.values()],
    get,
    create: (schedule) =>
      inOrder(async () => {
        const { name } = schedule;
        const isNew = !entries.has(name) && (await stored.put(schedule, true));
        if (!isNew) throw new HttpProblem(409, 'SCHEDULE_EXISTS', `There is a schedule "${name}" already.`);
        await read();
        return get(name);
      }),
    replace: (schedule) =>
      inOrder(async () => {
        requireOfApi(schedule.name);
        await stored.put(schedule, false);
        await read();
        return get(schedule.name);
      }),
    remove: (name) =>
      inOrder(async () => {
        requireOfApi(name);
        await stored.remove(name);
        await read();
        await store.remove('due', name);
      }),
    rearm: arm,
    onOutcome: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    open: async () => {
      const events = engine.events$.subscribe((event) => {
        if (event.type !== 'job.transition' || !isTerminalJobState(event.to) || stage === 'closed') return;
        for (const { runs } of entries.values()) {
          const noted = runs.jobEnded(event.jobId, event.to);
          if (noted) void underWayUntil(noted).then(arm, (error) => runParts.warn(String(error)));
        }
      });
      const stopCatalog = catalog.onChange(() => {
        inOrder(read).catch((error) => runParts.warn(`The schedules can't be read: ${error}`));
      });
      stopListening = () => {
        events.unsubscribe();
        stopCatalog();
      };
      await inOrder(read);
      if (stage === 'new') stage = 'open';
      arm();
    },
    close: async () => {
      stage = 'closed';
      stopTimer();
      stopListening();
      await last;
      await Promise.all([...entries.values()].map(({ runs }) => runs.idle()));
    },
  };
};

const isSame = (a: Schedule, b: Schedule): boolean => JSON.stringify(a) === JSON.stringify(b);

const whereOf = (source: DefinedSchedule['source'], file: string | undefined): string => {
  if (file !== undefined) return `the file ${file}`;
  return source === 'code' ? "the server's program" : source === 'upload' ? 'an uploaded file' : 'the API';
};

const doubleOf = ({ schedule, source, file }: DefinedSchedule): string =>
  `A schedule of this name for "${schedule.definition}", from ${whereOf(source, file)}, is not used. Give one of them another name.`;

const definedElsewhere = (name: string, source: DefinedSchedule['source'], file: string | undefined): HttpProblem =>
  new HttpProblem(
    409,
    'DEFINED_IN_FILE',
    `The schedule "${name}" is defined in ${whereOf(source, file)}, and can be changed there alone; it may be paused here.`,
  );
