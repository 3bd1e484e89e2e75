import { StringDecoder } from 'node:string_decoder';
import { deployModeOf, type Submission } from './submission.ts';

/** What a client's output has told of its application. */
export type Application = {
  /**
   * On YARN `application_…`, on Kubernetes the submission id `namespace:driver-pod`; on a standalone cluster `driver-…`
   * in cluster mode, `app-…` in client mode.
   */
  readonly id: string;
  readonly manager: 'yarn' | 'standalone' | 'kubernetes';
  /** Whether the driver runs in the client. */
  readonly isLocal?: boolean;
  /** As Spark spells it: `ACCEPTED`, `RUNNING`, `FINISHED`; on Kubernetes the phase of the pod: `Running`. */
  readonly state?: string;
  /** Of a standalone cluster: whether the client spoke with the REST server of the master. */
  readonly isRest?: boolean;
  /** The stage of which tasks were done last, in the log or the progress bar of the driver. */
  readonly stage?: { readonly id: number; readonly done: number; readonly tasks: number; readonly fraction: number };
};

export type ApplicationReader = {
  /** Reads what the client prints to its standard error. */
  readonly write: (chunk: Buffer) => void;
  /** Reads a last line without a newline. */
  readonly end: () => void;
  readonly application: Application | undefined;
};

/** Calls `tell` when an application is first known, and when its state changed or a percent more of a stage is done. */
export const applicationReader = (tell: (application: Application, isNew: boolean) => void): ApplicationReader => {
  const decoder = new StringDecoder('utf8');
  let rest = '';
  let isRest = false;
  let isLocal = false;
  let current: Application | undefined;

  const update = (next: Application): void => {
    const isNew = current?.id !== next.id;
    const isNews = isNew || current?.state !== next.state || hundredth(current) !== hundredth(next);
    current = next;
    if (isNews) tell(next, isNew);
  };
  const read = (line: string): void => {
    isRest ||= line.includes('RestSubmissionClient');
    isLocal ||= line.includes('SparkContext: Running Spark version');
    const found = current ? undefined : applicationIn(line);
    if (found) update({ ...found, ...(isRest ? { isRest } : {}), ...(isLocal ? { isLocal } : {}) });
    if (!current) return;
    const state = stateIn(line, current);
    if (state !== undefined) update({ ...current, state });
    const stage = stageIn(line);
    if (stage) update({ ...current, stage });
  };
  const split = (text: string): void => {
    // A progress bar is drawn again after a carriage return.
    const lines = `${rest}${text}`.split(/[\r\n]/);
    rest = (lines.pop() ?? '').slice(0, MAX_LINE);
    for (const line of lines) read(line.slice(0, MAX_LINE));
  };
  return {
    write: (chunk) => split(decoder.write(chunk)),
    end: () => split(`${decoder.end()}\n`),
    get application() {
      return current;
    },
  };
};

/** How much of a line is read, in UTF-16 units. */
const MAX_LINE = 4096;

const hundredth = (application: Application | undefined): string | undefined => {
  const { stage } = application ?? {};
  return stage && `${stage.id} ${Math.floor(100 * stage.fraction)}`;
};

/** Finds the application in a line of the clients: `yarn.Client`, `ClientEndpoint`, `RestSubmissionClient`, … */
const applicationIn = (line: string): Application | undefined => {
  for (const [pattern, manager] of IDS) {
    const id = pattern.exec(line)?.[1];
    if (id !== undefined) return { id, manager };
  }
  return undefined;
};

const IDS: readonly (readonly [RegExp, Application['manager']])[] = [
  [/(?:Submitt(?:ed|ing) application|Application report for) (application_\d+_\d+)/, 'yarn'],
  [/(?:submitted as|created as|State of(?: driver)?) (driver-\d+-\d+)/, 'standalone'],
  [/submission ID ([\w.-]+:[\w.-]*[\w-])/, 'kubernetes'],
  [/with app ID (app-\d+-\d+)/, 'standalone'],
];

const stateIn = (line: string, { id, manager, state }: Application): string | undefined => {
  if (manager === 'yarn') {
    const [, of, reported] = /Application report for (application_\d+_\d+) \(state: (\w+)\)/.exec(line) ?? [];
    if (of === id) return reported;
    // The state of an application that failed can be FINISHED: how it ended is told apart.
    return state !== undefined && ENDED.test(state) ? /final status: (FAILED|KILLED)/.exec(line)?.[1] : undefined;
  }
  if (manager === 'standalone') {
    const [, of, reported] = /State of(?: driver)? (driver-\d+-\d+) is (?:now )?(\w+)/.exec(line) ?? [];
    return of === id ? reported : undefined;
  }
  if (manager === 'kubernetes') return /\bphase: (\w+)/.exec(line)?.[1];
  return undefined;
};

const stageIn = (line: string): Application['stage'] => {
  const [, id, done, tasks] = TASK_FINISHED.exec(line) ?? PROGRESS_BAR.exec(line) ?? [];
  if (id === undefined || !Number(tasks)) return undefined;
  return {
    id: Number(id),
    done: Number(done),
    tasks: Number(tasks),
    fraction: Math.min(1, Number(done) / Number(tasks)),
  };
};

/** `Finished task 11.0 in stage 3.0 (TID 35) in 40 ms on host (executor 1) (12/200)` of `TaskSetManager`. */
const TASK_FINISHED = /Finished task \S+ in stage (\d+)\.\d+ .*\((\d+)\/(\d+)\)/;

/** `[Stage 3:=====>        (12 + 4) / 200]`, of several stages the first. */
const PROGRESS_BAR = /\[Stage (\d+):[^\]]*\((\d+) \+ \d+\) \/ (\d+)\]/;

const ENDED = /^(FINISHED|SUCCEEDED|FAILED|KILLED|ERROR)$/i;

export const hasEnded = ({ state = '' }: Application): boolean => ENDED.test(state);

export const hasFailed = ({ state = '' }: Application): boolean => /^(FAILED|KILLED|ERROR)$/i.test(state);

/** Whether the application runs on when its client dies: its driver runs in the cluster. */
export const outlivesClient = ({ isLocal = false }: Application, submission: Submission): boolean =>
  !isLocal && deployModeOf(submission) !== 'client';

/** Returns the id and state, such as `application_1_7 RUNNING, stage 3: 12 of 200 tasks`. */
export const shownState = ({ id, state, stage }: Application): string =>
  `${id}${state === undefined ? '' : ` ${state}`}${stage ? `, stage ${stage.id}: ${stage.done} of ${stage.tasks} tasks` : ''}`;

/** Returns how to see what an application logged, as a sentence. */
export const logCommand = ({ id, manager }: Application): string => {
  if (manager === 'yarn') return `Its log: yarn logs -applicationId ${id}`;
  if (manager === 'kubernetes') {
    const [namespace, pod] = id.split(':');
    return `Its log: kubectl logs -n ${namespace} ${pod}`;
  }
  return "The master's web UI leads to its log.";
};
