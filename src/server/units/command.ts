import { isDeepStrictEqual } from 'node:util';
import { notReady } from '../../engine/definition/directive.ts';
import type { Journal } from '../../engine/durable/journal.ts';
import { decode, encode } from '../../engine/durable/serialise.ts';
import type { Engine } from '../../engine/engine.ts';
import type { AnyJob } from '../../engine/engine-options.ts';
import { CommandError, NonRetryableError } from '../../engine/errors/errors.ts';
import { runOf } from '../../engine/job.ts';
import { requireToken } from '../../engine/kinds/external.ts';
import type { ClaimNote } from '../../engine/model/notes.ts';
import type { Message } from '../../engine/recovery/messages.ts';
import { jsonSafe } from '../../events/json-safe.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { HttpProblem, problemOf, RETRY_LATER } from '../http/problem.ts';
import { notHere, placeOf } from '../jobs/find-job.ts';
import type { Command, UnitBody, UnitState } from '../schemas/unit.ts';
import { liveUnitAt } from './find-unit.ts';
import { bodyOfLive } from './unit-body.ts';
import { type FoundUnit, orderOf } from './units.ts';

type Source = {
  readonly engine: Engine;
  readonly journal: Journal;
  /** Is told of each command that a unit of this owner got, with the status of its answer. */
  readonly onCommand?: ((owner: string | undefined, type: Command['type'], status: number) => void) | undefined;
};

/** What became of commands: done here, and kept; or sent to the process that runs the job. */
export type CommandOutcome = { readonly unit: UnitBody; readonly sent: boolean };

/** Does commands of one unit in order, up to the first that is refused. @throws HttpProblem, CommandError, SchemaError, JournalError */
export const doCommands = async (
  source: Source,
  found: FoundUnit,
  commands: readonly Command[],
  by: string,
): Promise<CommandOutcome> => {
  let sent = false;
  const owner = found.live ? found.live.definition.external?.owner : found.body.owner;
  for (const [at, command] of commands.entries()) {
    try {
      if (found.live) await doHere(source, found, command, by);
      else sent = (await doElsewhere(source, found, command)) === 'sent';
      source.onCommand?.(owner, command.type, sent ? 202 : 200);
    } catch (error) {
      source.onCommand?.(owner, command.type, problemOf(error)?.status ?? 500);
      throw commands.length > 1 ? atPlace(error, at) : error;
    }
  }
  if (!found.live) return { unit: found.body, sent };
  // The unit as the commands left it, also if it was the last of its job.
  return { unit: bodyOfLive(found.run, liveUnitAt(found.run, found.live.path) ?? found.live), sent };
};

/** Says which of several commands was refused. */
const atPlace = (error: unknown, at: number): unknown => {
  const problem = problemOf(error);
  if (!problem) return error;
  const { status, code, message, headers, problems = [] } = problem;
  const inside = problems.map((one) => ({ ...one, path: `body[${at}]${one.path && '.'}${one.path}` }));
  const first = { path: `body[${at}]`, code, message };
  return new HttpProblem(status, code, message, { headers, problems: inside.length > 0 ? inside : [first] });
};

const doHere = async (
  { engine }: Source,
  { run, live }: Extract<FoundUnit, { run: object }>,
  command: Command,
  by: string,
): Promise<void> => {
  const { path } = live;
  // A job that is over has no handle in the engine any more.
  const job = (engine.job(run.id) ?? run.recorder?.handle) as unknown as AnyJob;
  const handle = job.task(path);
  const { token } = command;
  switch (command.type) {
    case 'heartbeat':
      handle.heartbeat(token);
      // Heartbeats write nothing.
      return;
    case 'progress':
      handle.progress(command.fraction, command.message, token);
      break;
    case 'log':
      handle.log(command.level, command.message, command.data, token);
      break;
    case 'pause':
      handle.pause(by, token);
      break;
    case 'resume': {
      const task = liveUnitAt(runOf(job), path)?.task;
      if (task && token !== undefined) requireToken(task, token);
      handle.resume();
      break;
    }
    case 'success':
      await handle.complete(command.output as never, token);
      return;
    case 'error':
      await handle.fail(errorOf(command), token);
      return;
    case 'notReady':
      await handle.complete(notReady(command.reason), token);
      return;
    case 'release':
      await handle.release(token, command.reason);
      return;
  }
  await job.saved();
};

const errorOf = ({ message, code, retryable = true }: Extract<Command, { type: 'error' }>): Error => {
  const error = retryable ? new Error(message) : new NonRetryableError(message);
  return code === undefined ? error : Object.assign(error, { code });
};

/** Sends an outcome to the process that runs the job; of a job that is over, only what ended the unit may be repeated. */
const doElsewhere = async (
  source: Source,
  { stored, body }: Extract<FoundUnit, { body: object }>,
  command: Command,
): Promise<'sent' | 'repeated'> => {
  const place = placeOf(stored, source);
  const { path: task } = orderOf(body);
  if (place === 'elsewhere') {
    const message = messageOf(task, command);
    if (!message) throw notHere(stored, place, 'worked on');
    await source.journal.send(stored.id, JSON.stringify(message));
    return 'sent';
  }
  const { token } = command;
  if (token === undefined) throw notHere(stored, place, 'worked on');
  const notes = await source.journal.notes(stored.id);
  const note = notes.find((one) => one.task === task && one.kind === 'claim' && one.value !== '');
  const claim = note && (decode(note.value) as ClaimNote);
  const isOfLast = claim?.token === token && claim.attempt === body.attempt;
  if (!ENDED.includes(body.state)) {
    const isClaimed = isOfLast && body.state === 'claimed' && !isTerminalJobState(stored.state);
    throw isClaimed ? interrupted(stored.id) : notHere(stored, place, 'worked on');
  }
  if (!isOfLast || !isOutcome(command, body))
    throw new CommandError('STALE_TOKEN', `The token for unit "${body.name}" is stale: its attempt is over.`, task);
  return 'repeated';
};

/** The states in which the outcome of an attempt leaves a unit for good. */
const ENDED: readonly UnitState[] = ['completed', 'failed', 'notReady'];

/** The claim is as good as before once the job has been taken up: its worker has to ask again. */
const interrupted = (jobId: string): HttpProblem =>
  new HttpProblem(
    503,
    'JOB_INTERRUPTED',
    `The job "${jobId}" is interrupted. Ask again later: the server takes it up when it can.`,
    { headers: RETRY_LATER },
  );

const messageOf = (task: string, command: Command): Message | undefined => {
  const { token } = command;
  if (command.type === 'success') {
    const output = command.output === undefined ? undefined : encode(command.output);
    return { type: 'complete', task, output, token };
  }
  return command.type === 'error' ? { type: 'fail', task, error: command.message, token } : undefined;
};

/** Whether a command says how the unit has ended. */
const isOutcome = (command: Command, { state, output, error }: UnitBody): boolean => {
  if (command.type === 'success') return state === 'completed' && isDeepStrictEqual(jsonSafe(command.output), output);
  if (command.type === 'notReady') return state === 'notReady';
  return command.type === 'error' && state === 'failed' && error?.message.includes(command.message) === true;
};
