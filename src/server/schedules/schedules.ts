import type { Clock } from '../../engine/time/clock.ts';
import type { Logger } from '../../events/logger.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { underWayUntil } from '../../events/under-way.ts';
import { HttpProblem, notFound } from '../http/problem.ts';
import type { StartParts } from '../jobs/start-job.ts';
import { SortedList } from '../lists/sorted-list.ts';
import type { ServiceStore } from '../store/service-store.ts';
import { type DefinedSchedule, fileSchedules } from './file-schedules.ts';
import type { Schedule } from './schedule.ts';
import { MAX_BEHIND_MS, type Outcome, stateIn } from './schedule-state.ts';
import { type RunParts, ScheduledRuns } from './scheduled-runs.ts';
import { storedSchedules } from './stored-schedules.ts';
import type { UnfinishedSource } from './unfinished-jobs.ts';
import { compareText, wakeList } from './wake-list.ts';

/** A schedule with its runs. */
export type ScheduleEntry = DefinedSchedule & {
  readonly runs: ScheduledRuns;
  /** Why another schedule of this name is not used. */
  readonly problems: readonly string[];
};

export type Schedules = {
  /** All schedules in the order of their names, or those after a name. Of one name, code goes before files, uploads, and the API. */
  readonly list: (after?: string) => Iterable<ScheduleEntry>;
  /** @throws HttpProblem `SCHEDULE_NOT_FOUND` */
  readonly get: (name: string) => ScheduleEntry;
  /** Keeps a new schedule. @throws HttpProblem `SCHEDULE_EXISTS` */
  readonly create: (schedule: Schedule) => Promise<ScheduleEntry>;
  /** @throws HttpProblem `SCHEDULE_NOT_FOUND`, `DEFINED_IN_FILE` */
  readonly replace: (schedule: Schedule) => Promise<ScheduleEntry>;
  /** Removes a schedule; its jobs stay. @throws HttpProblem `SCHEDULE_NOT_FOUND`, `DEFINED_IN_FILE` */
  readonly remove: (name: string) => Promise<void>;
  /** Arms the timer again, after a change of what a schedule has to do. */
  readonly rearm: (name: string) => void;
  /** Calls `listener` when something has become of a due time; returns a function that ends this. */
  readonly onOutcome: (listener: OutcomeListener) => () => void;
  /** Begins to start jobs. Resolves when it is known what an earlier process has left. @throws JournalError */
  readonly open: () => Promise<void>;
  /** Starts no more jobs. Resolves when nothing is under way. */
  readonly close: () => Promise<void>;
};

export type OutcomeListener = (schedule: string, outcome: Outcome) => void;

export type SchedulesParts = StartParts &
  UnfinishedSource & {
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
  const entries = new Map<string, ScheduleEntry>();
  const names = new SortedList<string>(compareText);
  const wakes = wakeList();
  let stage: 'new' | 'open' | 'closed' = 'new';
  let stopTimer = (): void => {};
  let stopListening = (): void => {};
  /** Changes of the list happen one after the other. */
  let last: Promise<unknown> = Promise.resolve();

  const runParts: RunParts = {
    ...parts,
    isClosed: () => stage !== 'open',
    jobs: { runsOf: new Map(), starting: new Set() },
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

  const put = async (defined: DefinedSchedule, problems: readonly string[]): Promise<ScheduleEntry> => {
    const { name } = defined.schedule;
    const entry = await entryOf(defined, problems);
    if (!entries.has(name)) names.add(name);
    entries.set(name, entry);
    plan(entry);
    return entry;
  };

  const drop = async ({ schedule, runs }: ScheduleEntry): Promise<void> => {
    const { name } = schedule;
    entries.delete(name);
    names.remove(name);
    wakes.remove(name);
    await runs.end();
  };

  /** Reads what catalog and store define. */
  const read = async (): Promise<void> => {
    const all: readonly DefinedSchedule[] = [
      ...ofCode.map((schedule) => ({ schedule, source: 'code' as const })),
      ...fileSchedules(catalog).toSorted((a, b) => Number(a.source === 'upload') - Number(b.source === 'upload')),
      ...(await stored.list()).map((schedule) => ({ schedule, source: 'api' as const })),
    ];
    const byName = new Map<string, DefinedSchedule[]>();
    for (const one of all) {
      const known = byName.get(one.schedule.name);
      if (known) known.push(one);
      else byName.set(one.schedule.name, [one]);
    }
    for (const [first, ...others] of byName.values()) if (first) await put(first, others.map(doubleOf));
    await Promise.all([...entries.values()].filter(({ schedule }) => !byName.has(schedule.name)).map(drop));
    arm();
  };

  /** Those that are being looked at. */
  const looking = new Set<ScheduledRuns>();

  /** Notes when there is something to do for a schedule. */
  const plan = ({ schedule, runs }: ScheduleEntry): void => {
    if (!looking.has(runs)) wakes.put(schedule.name, runs.wakeAt);
  };

  const rearm = (name: string): void => {
    const entry = entries.get(name);
    if (entry) plan(entry);
    arm();
  };

  const arm = (): void => {
    stopTimer();
    if (stage !== 'open') return;
    const { at = Number.POSITIVE_INFINITY } = wakes.first() ?? {};
    stopTimer = clock.setTimer(look, Math.min(Math.max(0, at - clock.now()), LOOK_MS));
  };

  /** The latest time that the clock has shown, since it was set back. */
  let latest = Number.NEGATIVE_INFINITY;

  const look = (): void => {
    const now = clock.now();
    const isSetBack = now < latest - MAX_BEHIND_MS;
    latest = isSetBack ? now : Math.max(latest, now);
    if (isSetBack) for (const entry of entries.values()) plan(entry);
    for (let wake = wakes.first(); wake && wake.at <= now; wake = wakes.first()) {
      wakes.remove(wake.name);
      const { runs } = entries.get(wake.name) as ScheduleEntry;
      looking.add(runs);
      void underWayUntil(runs.look()).then(() => {
        looking.delete(runs);
        rearm(runs.schedule.name);
      });
    }
    arm();
  };

  const get = (name: string): ScheduleEntry => {
    const entry = entries.get(name);
    if (!entry) throw notFound('schedule', 'SCHEDULE_NOT_FOUND', name);
    return entry;
  };

  const requiredOfApi = (name: string): ScheduleEntry => {
    const entry = get(name);
    if (entry.source !== 'api') throw definedElsewhere(name, entry.source, entry.file);
    return entry;
  };

  return {
    *list(after) {
      for (const name of names.from(after)) yield get(name);
    },
    get,
    create: (schedule) =>
      inOrder(async () => {
        const { name } = schedule;
        const isNew = !entries.has(name) && (await stored.put(schedule, true));
        if (!isNew) throw new HttpProblem(409, 'SCHEDULE_EXISTS', `There is a schedule "${name}" already.`);
        const entry = await put({ schedule, source: 'api' }, []);
        arm();
        return entry;
      }),
    replace: (schedule) =>
      inOrder(async () => {
        const { problems } = requiredOfApi(schedule.name);
        await stored.put(schedule, false);
        const entry = await put({ schedule, source: 'api' }, problems);
        arm();
        return entry;
      }),
    remove: (name) =>
      inOrder(async () => {
        const entry = requiredOfApi(name);
        await stored.remove(name);
        // It was the only one of its name: others would go before it.
        await drop(entry);
        await store.remove('due', name);
      }),
    rearm,
    onOutcome: (listener) => {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    open: async () => {
      const events = engine.events$.subscribe((event) => {
        if (event.type !== 'job.transition' || !isTerminalJobState(event.to) || stage === 'closed') return;
        const { runsOf, starting } = runParts.jobs;
        const owner = runsOf.get(event.jobId);
        // Those that start a job do not know its id yet.
        for (const runs of owner ? [owner] : starting)
          void underWayUntil(runs.jobEnded(event.jobId, event.to)).then(
            () => rearm(runs.schedule.name),
            (error) => runParts.warn(String(error)),
          );
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
