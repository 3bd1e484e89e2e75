import { isDeepStrictEqual } from 'node:util';
import { boundedErrorData, errorData, textOf } from '../../events/error-data.ts';
import type { LogLevel, TaskState } from '../../events/event.ts';
import { LEVELS } from '../../events/levels.ts';
import { isPlainObject } from '../../events/plain-object.ts';
import { SETTLED } from '../../events/states.ts';
import { newId } from '../../events/system-clock.ts';
import { isThenable } from '../../events/thenable.ts';
import { claimOptionProblems } from '../definition/check-options.ts';
import { checked } from '../definition/check-schema.ts';
import { directiveOf, kindOfDirective, type NotReady } from '../definition/directive.ts';
import { formatValue, refuseArgument, throwIfInvalid } from '../definition/option-rules.ts';
import { AbortError, CommandError, SchemaError } from '../errors/errors.ts';
import { boundedReason } from '../model/bounded-reason.ts';
import type { ClaimNote } from '../model/notes.ts';
import { type Claim, isStopped, type TaskRun } from '../model/run.ts';
import { HEARTBEAT } from '../model/task-record.ts';
import { handleError, handleMissedHeartbeat, handleResult } from '../run/attempt-result.ts';
import { failInterrupted } from '../run/interruption.ts';
import { applyPassedLimits } from '../run/passed-limits.ts';
import { pauseTask, resumeTask, THE_PROGRAM } from '../run/pause.ts';
import { requireFraction } from '../run/scope.ts';
import { cancelTask } from '../run/shutdown.ts';
import { logOf } from '../run/task-log.ts';
import { PausableTimer } from '../time/pausable-timer.ts';
import { hasLimit } from '../time/time-limit.ts';

export type ClaimOptions = {
  /** How long the claim lasts without a heartbeat, in ms. Default: the task's `heartbeatTimeout`. */
  readonly leaseMs?: number | undefined;
};

/** Claims a ready task for `worker`, which starts its attempt. Returns the claim's token. @throws CommandError */
export const claim = (task: TaskRun, worker: string, options: ClaimOptions): string => {
  throwIfInvalid(callOn(task), claimOptionProblems(options));
  requireExternal(task);
  if (typeof worker !== 'string' || worker === '')
    refuseArgument(
      callOn(task),
      'worker',
      `The worker of task "${task.path}" is ${textOf(worker) || 'empty'}: expected who works on it, as text.`,
    );
  if (task.claim && task.attempt) {
    const message = `Task "${task.path}" is already claimed by ${task.claim.worker}.`;
    throw new CommandError('ALREADY_CLAIMED', message, task.path);
  }
  applyPassedLimits(task);
  if (!isClaimable(task)) throw invalidState(task, 'claimed');
  const leaseMs = options.leaseMs ?? task.definition.external?.heartbeatTimeout;
  const note: ClaimNote = { worker, token: newId(), ...(hasLimit(leaseMs) && { leaseMs }), attempt: task.attempts + 1 };
  const claimed = claimOf(note);
  task.claim = claimed;
  task.job.recorder?.put(task.path, 'claim', JSON.stringify(note));
  task.job.commandTask(task, { type: 'task.run' }, { reason: `claimed by ${worker}`, worker });
  startLease(task, claimed);
  return claimed.token;
};

/** Returns the claim that a note tells of, without its timer. */
export const claimOf = ({ worker, owner = '', token, leaseMs, attempt }: ClaimNote): Claim => ({
  worker: worker ?? owner,
  token,
  // Earlier versions stored `null` for no limit.
  leaseMs: leaseMs ?? undefined,
  attempt,
  heartbeatTimer: undefined,
});

/** Renews a claim after a resume: its worker still works on the task, although the job's process died. */
export const renewClaim = (task: TaskRun): void => {
  if (task.claim) startLease(task, task.claim);
};

/** Rejects the token of an attempt that is over. A call without a token is allowed. @throws CommandError */
export const requireToken = (task: TaskRun, token: string | undefined): void => {
  requireExternal(task);
  applyPassedLimits(task);
  if (token === undefined || (task.claim?.token === token && task.attempt)) return;
  throw staleToken(task);
};

const staleToken = (task: TaskRun): CommandError => {
  const message = `The token for task "${task.path}" is stale: its attempt is over, and what it brings is not taken. Claim the task again.`;
  return new CommandError('STALE_TOKEN', message, task.path);
};

/**
 * Whether a token is that of the last attempt, which is over and was not cancelled. Its worker may repeat what ended it, as
 * after a lost response.
 */
export const isRepeat = ({ attempt, claim, attempts, state }: TaskRun, token: string | undefined): boolean =>
  !attempt && state !== 'cancelled' && token !== undefined && claim?.token === token && claim.attempt === attempts;

export const heartbeat = (task: TaskRun, token: string | undefined): void => {
  requireToken(task, token);
  if (!task.claim || !task.attempt) throw invalidState(task, 'kept alive');
  if (task.state === 'running') startLease(task, task.claim);
};

export const progressExternal = (
  task: TaskRun,
  fraction: number,
  message: string | undefined,
  token: string | undefined,
): void => {
  requireToken(task, token);
  requireFraction(task.path, fraction);
  if (!task.attempt) throw invalidState(task, 'reported on');
  if (task.claim) heartbeat(task, token);
  const said = message === undefined ? {} : { message: textOf(message) };
  const report = { type: 'task.progress', task: task.path, attempt: task.attempts, fraction, ...said } as const;
  task.job.publishProgress(task, report);
};

export const logExternal = (
  task: TaskRun,
  level: LogLevel,
  message: string,
  data: unknown,
  token: string | undefined,
): void => {
  requireToken(task, token);
  if (!LEVELS.includes(level))
    refuseArgument(
      callOn(task),
      'level',
      `Task "${task.path}" has no log level ${textOf(level)}: expected one of ${LEVELS.join(', ')}.`,
    );
  if (SETTLED.has(task.state)) throw invalidState(task, 'reported on');
  if (task.claim && task.attempt) heartbeat(task, token);
  logOf(task.job, task.path, { number: task.attempts })[level](message, data);
};

/** `onRecorded`: called in the tick in which the outcome is recorded. */
export const complete = (
  task: TaskRun,
  output: unknown,
  token: string | undefined,
  onRecorded: () => void = () => {},
): void | Promise<void> => {
  if (!isRepeat(task, token)) {
    requireToken(task, token);
    requireOpen(task, 'completed');
  }
  const finish = (value: unknown): void | Promise<void> => {
    if (isRepeat(task, token) && isOutcome(task, value)) {
      onRecorded();
      return afterCommit(task);
    }
    requireToken(task, token);
    const directive = directiveOf(value);
    if (directive && kindOfDirective(directive) === 'skip')
      throw unmergeable(task, 'skip(…), which is not for external tasks', value);
    if (value !== undefined && !isPlainObject(value))
      throw unmergeable(task, `${formatValue(value)}: expected a plain object, or nothing`, value);
    const ready = value && !directive ? { text: checkOutput(task, value) } : undefined;
    begin(task, 'completed');
    handleResult(task.job, task, value, ready);
    onRecorded();
    return afterCommit(task);
  };
  const refuse = (error: unknown): never => {
    throw isRepeat(task, token) ? staleToken(task) : error;
  };
  const { output: schema } = task.definition;
  let value = output;
  try {
    if (schema) value = checked(schema, output, task);
  } catch (error) {
    refuse(error);
  }
  return isThenable(value) ? Promise.resolve(value).then(finish, refuse) : finish(value);
};

/** Whether a task has ended with this output, or not ready for this reason. */
const isOutcome = ({ state, output, reason }: TaskRun, given: unknown): boolean => {
  const directive = directiveOf(given);
  if (!directive) return state === 'completed' && isDeepStrictEqual(given, output);
  return state === 'notReady' && boundedReason(textOf((directive as NotReady).reason)) === reason;
};

const unmergeable = ({ path }: Pick<TaskRun, 'path'>, what: string, value: unknown): SchemaError =>
  new SchemaError(
    'INVALID_OUTPUT',
    `The output of task "${path}"`,
    [{ path: '', message: what }],
    value,
    'a task puts out',
  );

/** Resolves when the outcome is stored, so that the caller may forget it. Returns undefined without a journal. */
const afterCommit = ({ job }: TaskRun): void | Promise<void> => {
  const { recorder } = job;
  if (!recorder) return undefined;
  const saved = new Promise<void>((resolve, reject) => recorder.afterCommit(resolve, reject));
  // A caller that does not await the promise learns of the failure from the job.
  saved.catch(() => {});
  return saved;
};

/** Freezes an output and returns its JSON. Runs before anything changes: an invalid output then changes nothing. */
const checkOutput = ({ job, path }: TaskRun, output: object): string | undefined => {
  try {
    job.frozen(output);
  } catch (cause) {
    throw unmergeable({ path }, `an object that can't be read: ${errorData(cause).message}`, output);
  }
  return job.recorder?.encodeOutput(`The output of task "${path}"`, output);
};

export const failExternal = (task: TaskRun, error: unknown, token: string | undefined): void | Promise<void> => {
  if (isRepeat(task, token) && hasFailedWith(task, error)) return afterCommit(task);
  requireToken(task, token);
  begin(task, 'failed');
  handleError(task.job, task, error);
  return afterCommit(task);
};

/** Returns a claimed task, so that somebody else can claim it. A paused task stays paused. */
export const release = (task: TaskRun, token: string | undefined, reason: string | undefined): void | Promise<void> => {
  if (isRepeat(task, token) && task.state === 'ready' && task.reason === releaseReason(reason))
    return afterCommit(task);
  requireToken(task, token);
  if (!task.claim || !task.attempt) throw invalidState(task, 'released');
  const { job, state, pausedBy = THE_PROGRAM } = task;
  job.batch(() => {
    begin(task, 'released');
    makeReady(task, releaseReason(reason));
    if (state === 'paused' && (task.state as TaskState) === 'ready') pauseTask(task, pausedBy);
  });
  return afterCommit(task);
};

/** Begins with a word of its own, unlike the reason of a release after a missed heartbeat, which is counted. */
const releaseReason = (reason: string | undefined): string =>
  reason === undefined ? 'released' : boundedReason(`released: ${textOf(reason)}`);

/** Makes a task ready again that lost its worker, up to `maxInterruptions`. */
const releaseLost = (task: TaskRun, worker: string, limitMs: number): void => {
  const how = `nothing was heard of ${worker} for ${limitMs} ms. It is not handed out again, since it may be what its workers die of.`;
  if (isStopped(task) || !failInterrupted(task, HEARTBEAT, how)) makeReady(task, HEARTBEAT);
};

/** Ends an attempt without an outcome: another may be claimed. In a job that is stopping, cancels the task. */
const makeReady = (task: TaskRun, reason: string): void => {
  if (isStopped(task)) cancelTask(task.job, task);
  else task.job.commandTask(task, { type: 'attempt.released' }, { reason });
};

/** Whether the last attempt of a task has failed with this error. */
const hasFailedWith = (task: TaskRun, error: unknown): boolean => {
  const failure = task.error ?? task.lastError;
  if (failure?.cause === undefined || failure.attempt !== task.attempts) return false;
  const [given, first] = [boundedErrorData(error), boundedErrorData(failure.cause)];
  return given.name === first.name && given.message === first.message && given.code === first.code;
};

/** Prepares a task to be completed, failed or released. A task without a claim becomes `running` first, like every task. */
const begin = (task: TaskRun, what: string): void => {
  requireOpen(task, what);
  if (task.state === 'ready') task.job.commandTask(task, { type: 'task.run' });
  else if (task.state === 'paused') resumeTask(task.job, task.index);
  // A subscriber to the transition above may have ended the task.
  if (task.state !== 'running' || !task.attempt) throw invalidState(task, what);
  endLease(task);
};

const callOn = ({ path }: TaskRun): string => `A call on task "${path}"`;

const requireOpen = (task: TaskRun, what: string): void => {
  const open = task.attempt ? task.state === 'running' || task.state === 'paused' : isClaimable(task);
  if (!open) throw invalidState(task, what);
};

/** Whether a task can be claimed: it is ready, no pause is requested, and its job is neither paused nor ending. */
export const isClaimable = ({ job, index, state, definition }: TaskRun): boolean =>
  state === 'ready' &&
  !job.paused &&
  !job.pauseRequests?.has(index) &&
  (!job.ending || definition.trigger === 'always');

const requireExternal = (task: TaskRun): void => {
  if (task.definition.kind !== 'external') throw notExternal(task.path);
};

export const notExternal = (path: string): CommandError =>
  new CommandError(
    'NOT_EXTERNAL',
    `Task "${path}" is performed by its job: only a task made with external() can be claimed and completed from outside.`,
    path,
  );

const invalidState = (task: TaskRun, what: string): CommandError => {
  const waits = task.job.ending ? 'its job is ending' : 'it is about to be paused';
  const held = task.state === 'ready' ? waits : `it is ${task.state}`;
  const why = task.job.paused ? 'its job is paused' : held;
  return new CommandError('INVALID_STATE', `Task "${task.path}" can't be ${what}: ${why}.`, task.path);
};

const startLease = (task: TaskRun, claimed: Claim): void => {
  endLease(task);
  const { job, attempt } = task;
  const { leaseMs, worker } = claimed;
  if (!attempt || !hasLimit(leaseMs)) return;
  claimed.heartbeatTimer = new PausableTimer(
    job.clock,
    () => {
      if (task.attempt !== attempt || attempt.phase !== 'live') return;
      attempt.abort(new AbortError('HEARTBEAT_MISSED', `Nothing was heard of ${worker} for ${leaseMs} ms.`));
      if (task.definition.external?.onMissedHeartbeat === 'release') releaseLost(task, worker, leaseMs);
      else handleMissedHeartbeat(job, task, worker, leaseMs);
    },
    leaseMs,
    job.paused || task.state === 'paused',
  );
};

/** Cancels the timer of the heartbeat. */
const endLease = (task: TaskRun): void => task.claim?.heartbeatTimer?.cancel();
