import { createHash } from 'node:crypto';
import type { JobEvent } from 'tintype';
import type { Journal, JournalJob, StoredEvent } from '../../src/engine/durable/journal.ts';
import { decode, type StoredOutputs, storedOutputs } from '../../src/engine/durable/serialise.ts';
import type { Outcome } from './child.ts';
import type { Fact } from './facts.ts';
import { follow, SETTLED, type Standing } from './history.ts';
import { type ChaosJob, type ChaosTask, itemsOfJob } from './random-jobs.ts';
import { textOf } from './text-of.ts';

/** What is left on disk once the jobs are over. */
export type Remains = {
  readonly jobs: readonly { readonly job: JournalJob; readonly events: readonly StoredEvent[] }[];
  readonly facts: readonly Fact[];
  /** What the handles of the last process told, by the name of the job. */
  readonly outcomes: Readonly<Record<string, Outcome>>;
};

/** Whatever did not hold, in words: of jobs that were killed so many times, beside what they came to undisturbed. */
export const check = (planned: readonly ChaosJob[], calm: Remains, wild: Remains, kills: number): readonly string[] => {
  const violations: string[] = [];
  for (const fact of wild.facts)
    if (fact.what === 'refused') violations.push(`"${fact.job}" was refused: ${fact.error}`);
  if (wild.jobs.length !== planned.length)
    violations.push(`There are ${wild.jobs.length} jobs in the journal, not ${planned.length}.`);
  for (const plan of planned) {
    const found = wild.jobs.find(({ job }) => job.name === plan.name);
    const undisturbed = calm.jobs.find(({ job }) => job.name === plan.name);
    if (!found || !undisturbed) {
      violations.push(`${plan.name}: it is not in the journal`);
      continue;
    }
    const facts = wild.facts.filter((fact) => fact.job === found.job.id);
    const events = found.events.map(({ data }) => JSON.parse(data) as JobEvent);
    const faults = [
      ...log(found.job, found.events, events, kills),
      ...prefixes(found.events, facts),
      ...attempts(plan, events, facts),
      ...told(found.job, facts),
      ...retries(plan, events, facts),
      ...checkpoints(events, facts),
      ...stopped(plan, events),
      ...cleanedUp(plan, events),
      ...sameEnd(plan, undisturbed.events, found.events),
      ...sameOutcome(plan, calm.outcomes[plan.name], wild.outcomes[plan.name]),
    ];
    violations.push(...faults.map((fault) => `${plan.name}: ${fault}`));
  }
  return violations;
};

const TERMINAL = ['completed', 'failed', 'timedOut', 'cancelled', 'notReady'];

/** `seq` has no gap, the job ended once, and each transition follows on the one before it. */
const log = (job: JournalJob, stored: readonly StoredEvent[], events: readonly JobEvent[], kills: number): string[] => {
  const faults: string[] = [];
  events.forEach(({ seq, jobId }, at) => {
    if (seq !== at || stored[at]?.seq !== at || jobId !== job.id)
      faults.push(`event ${at} of the journal has seq ${seq} of job ${jobId}`);
  });
  if (job.lastSeq !== events.length - 1) faults.push(`its last seq is ${job.lastSeq}, not ${events.length - 1}`);
  const ends = events.filter((event) => event.type === 'job.transition' && TERMINAL.includes(event.to));
  const last = events.at(-1);
  if (ends.length !== 1 || last !== ends[0])
    faults.push(`${ends.length} terminal events: ${JSON.stringify(ends)}; the last event is ${JSON.stringify(last)}`);
  if (last?.type === 'job.transition' && last.to !== job.state)
    faults.push(`it is listed as ${job.state}, its last event says ${last.to}`);
  if (job.lease) faults.push(`somebody still holds its lease: ${JSON.stringify(job.lease)}`);
  const resumptions = events.filter(({ type }) => type === 'job.resumed').length;
  if (resumptions > kills) faults.push(`it was resumed ${resumptions} times, but there were ${kills} kills`);
  const history = follow();
  for (const event of events) history.take(event);
  for (const [task, { state }] of history.tasks)
    if (!SETTLED.has(state) && state !== 'unscheduled') history.faults.push(`task "${task}" is ${state} at the end`);
  return [...faults, ...history.faults];
};

/** What was in the journal once is in it for good, unchanged. */
const prefixes = (stored: readonly StoredEvent[], facts: readonly Fact[]): string[] =>
  facts.flatMap((fact) => {
    if (fact.what !== 'opened') return [];
    const digest = createHash('sha1')
      .update(JSON.stringify(stored.slice(0, fact.seq + 1)))
      .digest('hex');
    return digest === fact.digest
      ? []
      : [`its first ${fact.seq + 1} events are not what a process found in the journal`];
  });

/**
 * At the moment that an attempt began, the journal knew of it, had its task neither settled nor begun by anybody else in
 * that attempt, and had whatever it relies on.
 */
const attempts = (plan: ChaosJob, events: readonly JobEvent[], facts: readonly Fact[]): string[] => {
  const faults: string[] = [];
  const began = facts.filter((fact) => fact.what === 'began').sort((a, b) => a.seq - b.seq);
  const history = follow();
  const taken = new Set<string>();
  const keys = new Map<string, string>();
  let reached = 0;
  for (const fact of began) {
    for (; reached <= fact.seq && reached < events.length; reached++) history.take(events[reached] as JobEvent);
    const { task, attempt } = fact;
    const standing = history.of(task);
    const fault = (what: string): void => {
      faults.push(`attempt ${attempt} of task "${task}" began when the journal had ${fact.seq}: ${what}`);
    };
    if (standing.state !== 'running') fault(`the task was ${standing.state}`);
    if (standing.attempt !== attempt) fault(`the journal was at attempt ${standing.attempt}`);
    const run = `${task} ${standing.runningSeq}`;
    if (taken.has(run)) fault('it had begun before');
    taken.add(run);
    const found = taskAt(plan, task);
    if (found) {
      const stops = jobsAround(plan, task).some(({ plan }) => plan.onFailure !== 'continue');
      const lacking = unmet(found, history.of, stops);
      if (lacking) fault(lacking);
    } else fault('there is no such task');
    if ((keys.get(fact.key) ?? task) !== task) fault(`its key ${fact.key} is that of task "${keys.get(fact.key)}"`);
    keys.set(fact.key, task);
  }
  return faults;
};

/** What was answered as kept is handed to the next attempt. A further attempt of the task around it begins without. */
const checkpoints = (events: readonly JobEvent[], facts: readonly Fact[]): string[] => {
  const faults: string[] = [];
  const history = follow();
  let reached = 0;
  const kept = new Map<string, number>();
  /** Of each task, the attempts around the one that began last. */
  const runs = new Map<string, string>();
  for (const fact of facts) {
    if (fact.what === 'saved') kept.set(runs.get(fact.task) ?? '', fact.step);
    if (fact.what !== 'began') continue;
    const { task, attempt, seq, step } = fact;
    for (; reached <= seq && reached < events.length; reached++) history.take(events[reached] as JobEvent);
    const run = [task, ...around(task).map((path) => history.of(path).runningSeq)].join(' ');
    runs.set(task, run);
    const least = kept.get(run) ?? 0;
    if (step < least)
      faults.push(`attempt ${attempt} of task "${task}" began from checkpoint ${step}, ${least} was kept`);
    kept.set(run, Math.max(least, step));
    // Its process may have died between keeping the last and saying so.
    if (step > least + 1)
      faults.push(`attempt ${attempt} of task "${task}" began from checkpoint ${step}, after ${least} was kept`);
  }
  return faults;
};

/** The paths of the tasks that a task is inside of. */
const around = (path: string): readonly string[] =>
  [...path.matchAll(/[/[]/g)].map(({ index }) => path.slice(0, index));

type Found = { readonly task: ChaosTask; readonly plan: ChaosJob; readonly prefix: string };

/** The task of a path such as `t3/t1` or `t4[2]`. */
const taskAt = (plan: ChaosJob, path: string): Found | undefined => {
  const around = jobsAround(plan, path).at(-1);
  const name = path
    .replace(/\[\d+\]$/, '')
    .split('/')
    .at(-1);
  const task = around?.plan.tasks.find((each) => each.name === name);
  return around && task && { ...around, task };
};

/** The job of a path, the job inside of it that the path leads to, and so on. */
const jobsAround = (plan: ChaosJob, path: string, prefix = ''): readonly Omit<Found, 'task'>[] => {
  const [name, ...rest] = path.slice(prefix.length).split('/');
  const inner = plan.tasks.find((each) => each.name === name?.replace(/\[\d+\]$/, ''))?.inner;
  if (rest.length === 0) return [{ plan, prefix }];
  return [{ plan, prefix }, ...(inner ? jobsAround(inner, path, `${prefix}${name}/`) : [])];
};

/** Which of its upstreams had not come to what its rule asks for, as far as the journal knew; `stops`: in a job that a failure may stop. */
const unmet = ({ task, plan, prefix }: Found, of: (path: string) => Standing, stops: boolean): string | undefined => {
  const upstream = task.dependsOn.map((name) => ({
    name,
    ...of(`${prefix}${name}`),
    tolerated: tolerated(plan, name),
  }));
  const shown = (): string => upstream.map(({ name, state }) => `${name} ${state}`).join(', ');
  const settled = upstream.filter(({ state }) => SETTLED.has(state));
  if (upstream.length === 0) return undefined;
  switch (task.trigger) {
    case 'oneSuccess':
      return upstream.some(({ state }) => state === 'completed') ? undefined : `no upstream had completed: ${shown()}`;
    case 'oneFailed':
    case 'oneDone':
      return settled.length > 0 ? undefined : `no upstream had settled: ${shown()}`;
    case 'allSuccess':
      return upstream.every(({ state, tolerated }) => state === 'completed' || (state === 'failed' && tolerated))
        ? undefined
        : `not all upstreams had completed: ${shown()}`;
    default:
      // What was not scheduled when the job stopped stays so; clean-up tasks then wait for nothing of it.
      if (task.trigger === 'always' && stops) return undefined;
      return settled.length === upstream.length ? undefined : `not all upstreams had settled: ${shown()}`;
  }
};

const tolerated = (plan: ChaosJob, name: string): boolean =>
  plan.tasks.some((task) => task.name === name && task.continueOnFailure);

/** The end that was told to the program is that in the journal. */
const told = (job: JournalJob, facts: readonly Fact[]): string[] =>
  facts.flatMap((fact) =>
    fact.what === 'over' && fact.state !== job.state
      ? [`a program was told ${fact.state}, the journal says ${job.state}`]
      : [],
  );

/** Each completion is of an attempt that succeeded; an attempt that was interrupted uses up no retry, a failure uses one. */
const retries = (plan: ChaosJob, events: readonly JobEvent[], facts: readonly Fact[]): string[] => {
  const faults: string[] = [];
  const succeeded = new Set(
    facts.flatMap((fact) => (fact.what === 'succeeded' ? [`${fact.task} ${fact.attempt}`] : [])),
  );
  const failed = new Map<string, number>();
  for (const fact of facts) if (fact.what === 'failed') failed.set(fact.task, (failed.get(fact.task) ?? 0) + 1);
  const history = follow();
  for (const event of events) {
    history.take(event);
    if (event.type !== 'task.transition') continue;
    const { task: path, attempt, to, reason } = event;
    const task = taskAt(plan, path)?.task;
    const isWork =
      task && (task.kind === 'work' || task.kind === 'branch' || (task.kind === 'map' && path.endsWith(']')));
    if (!task || !isWork) continue;
    const { failures } = history.of(path);
    // Once a job is drained, nothing is tried again.
    const drained = inDrained(plan, path, history.of);
    if (to === 'completed' && !succeeded.has(`${path} ${attempt}`))
      faults.push(`attempt ${attempt} of task "${path}" is said to have completed, but never did`);
    if (failures > task.maxRetries + 1)
      faults.push(`task "${path}" failed ${failures} times, with ${task.maxRetries} retries`);
    if (to === 'failed' && task.how !== 'giveUp' && failures <= task.maxRetries && !drained)
      faults.push(
        `task "${path}" failed for good (${reason}) at its failure ${failures}, with ${task.maxRetries} retries`,
      );
    if (to === 'failed' && task.how === 'throw' && task.fails <= task.maxRetries && !drained)
      faults.push(
        `task "${path}" failed for good (${reason}), though it fails ${task.fails} times with ${task.maxRetries} retries`,
      );
    // What hangs may be ended before it begins.
    if (task.how !== 'hang' && failures > (failed.get(path) ?? 0))
      faults.push(`task "${path}" is said to have failed ${failures} times, but did ${failed.get(path) ?? 0} times`);
  }
  return faults;
};

/** Once a failure has ended a job, nothing starts in it but clean-up. */
const stopped = (plan: ChaosJob, events: readonly JobEvent[]): string[] => {
  const faults: string[] = [];
  const history = follow();
  for (const event of events) {
    history.take(event);
    if (event.type !== 'task.transition' || event.to !== 'running' || event.from === 'paused') continue;
    const { task: path, attempt } = event;
    for (const { plan: job, prefix } of jobsAround(plan, path)) {
      if (isCleanUp(plan, path, prefix)) continue;
      const [failed] = job.onFailure === 'continue' ? [] : failuresIn(job, prefix, history.of);
      if (failed !== undefined) faults.push(`attempt ${attempt} of task "${path}" began after "${failed}" had failed`);
    }
  }
  return faults;
};

/** Whether a task is clean-up, or inside of it, in the job of a prefix or one further inside. */
const isCleanUp = (plan: ChaosJob, path: string, prefix: string): boolean =>
  [...around(path), path].some((each) => each.length > prefix.length && taskAt(plan, each)?.task.trigger === 'always');

/** The tasks of a job that have failed, where that is not tolerated. */
const failuresIn = (job: ChaosJob, prefix: string, of: (path: string) => Standing): readonly string[] =>
  job.tasks
    .filter(({ continueOnFailure }) => !continueOnFailure)
    .map(({ name }) => `${prefix}${name}`)
    .filter((path) => of(path).state === 'failed');

/** Whether another task had failed before, in its job or one around it, so that what ran was let finish and no more. */
const inDrained = (plan: ChaosJob, path: string, of: (path: string) => Standing): boolean =>
  jobsAround(plan, path).some(
    ({ plan, prefix }) => plan.onFailure === 'drain' && failuresIn(plan, prefix, of).some((failed) => failed !== path),
  );

/** Clean-up ran on every way out, unless its condition said no. */
const cleanedUp = (plan: ChaosJob, events: readonly JobEvent[], prefix = ''): string[] => {
  const history = follow();
  for (const event of events) history.take(event);
  return plan.tasks.flatMap((task) => {
    const path = `${prefix}${task.name}`;
    const { state } = history.of(path);
    const items = itemsOfJob(plan, task);
    const jobs = items === undefined ? [path] : Array.from({ length: items }, (_, at) => `${path}[${at}]`);
    const inside = jobs.flatMap((job) =>
      task.inner && ENDED.has(history.of(job).state) ? cleanedUp(task.inner, events, `${job}/`) : [],
    );
    const ran = task.trigger !== 'always' || ENDED.has(state) || (state === 'skipped' && task.when === false);
    return ran ? inside : [...inside, `clean-up "${path}" is ${state} at the end`];
  });
};

const ENDED: ReadonlySet<string> = new Set(['completed', 'failed', 'notReady']);

/** What the events say of each task in the end, with its output, is what they say where nothing was killed. */
const sameEnd = (plan: ChaosJob, calm: readonly StoredEvent[], wild: readonly StoredEvent[]): string[] => {
  if (plan.onFailure !== 'continue') return [];
  const expected = endsOf(calm);
  const found = endsOf(wild);
  const names = new Set([...expected.keys(), ...found.keys()]);
  return [...names].flatMap((name) => differences(`task "${name}"`, expected.get(name) ?? '-', found.get(name) ?? '-'));
};

/** Of the tasks of the job itself, and of those inside of one that completed. */
const endsOf = (stored: readonly StoredEvent[]): ReadonlyMap<string, string> => {
  const history = follow();
  const outputs = new Map<string, string>();
  // The output of a fan-out or nested job refers to those inside it, by the seq of their events.
  const texts = new Map<number, string>();
  const source = { journal: {} as Journal, jobId: 'chaos' };
  const read: StoredOutputs = storedOutputs(source, (seq) => decode(texts.get(seq) ?? 'null', read));
  for (const { data, output } of stored) {
    const event = JSON.parse(data) as JobEvent;
    history.take(event);
    if (output !== undefined) texts.set(event.seq, output);
    if (event.type === 'task.transition')
      outputs.set(event.task, output === undefined ? '' : textOf(decode(output, read)));
  }
  const ends = new Map<string, string>();
  for (const [task, { state }] of history.tasks) {
    if (around(task).every((path) => history.of(path).state === 'completed'))
      ends.set(task, `${state} ${outputs.get(task) ?? ''}`);
  }
  return ends;
};

/** The handle of the last process told what that of the undisturbed one did. */
const sameOutcome = (plan: ChaosJob, calm: Outcome | undefined, wild: Outcome | undefined): string[] => {
  if (!calm || !wild) return ['it has no outcome'];
  const state = differences('the job', calm.state, wild.state);
  if (plan.onFailure !== 'continue') return state;
  return [
    ...state,
    ...differences('its error', calm.error, wild.error),
    ...differences('its context', calm.ctx, wild.ctx),
    ...Object.keys(calm.tasks).flatMap((name) =>
      differences(`the result of task "${name}"`, calm.tasks[name] ?? '-', wild.tasks[name] ?? '-'),
    ),
  ];
};

const differences = (what: string, expected: string, found: string): string[] => {
  if (expected === found) return [];
  let at = 0;
  while (expected[at] === found[at]) at++;
  const near = (text: string): string => JSON.stringify(text.slice(Math.max(0, at - 60), at + 120));
  return [`${what} differs from that of the undisturbed run: expected … ${near(expected)}, found … ${near(found)}`];
};
