import type { JobState } from 'tintype';
import { type JobCommand, jobMachine } from 'tintype/machines';
import { describe, expect, test } from 'vitest';
import { type Actor, createActor } from 'xstate';

const begin: JobCommand = { type: 'job.start' };
const finish: JobCommand = { type: 'job.finish', failed: 0, notReady: 0 };
const finishFailed: JobCommand = { type: 'job.finish', failed: 1, notReady: 0 };
const finishNotReady: JobCommand = { type: 'job.finish', failed: 0, notReady: 1 };
const finishBoth: JobCommand = { type: 'job.finish', failed: 2, notReady: 3 };
const fail: JobCommand = { type: 'job.fail' };
const timeOut: JobCommand = { type: 'job.timeOut' };
const cancel: JobCommand = { type: 'job.cancel', reason: 'enough' };
const retry: JobCommand = { type: 'job.retry' };
const pause: JobCommand = { type: 'job.pause' };
const resume: JobCommand = { type: 'job.resume' };

const COMMANDS: ReadonlyMap<JobCommand, string> = new Map<JobCommand, string>([
  [begin, 'job.start'],
  [finish, 'job.finish, all well'],
  [finishFailed, 'job.finish, one failed'],
  [finishNotReady, 'job.finish, one not ready'],
  [finishBoth, 'job.finish, some failed and some not ready'],
  [fail, 'job.fail'],
  [timeOut, 'job.timeOut'],
  [cancel, 'job.cancel'],
  [retry, 'job.retry'],
  [pause, 'job.pause'],
  [resume, 'job.resume'],
]);

const ENDS: readonly (readonly [JobCommand, JobState])[] = [
  [finish, 'completed'],
  [finishFailed, 'failed'],
  [finishNotReady, 'notReady'],
  [finishBoth, 'failed'],
  [fail, 'failed'],
  [timeOut, 'timedOut'],
  [cancel, 'cancelled'],
];

/** A state, the commands that lead there, and where each command that it takes leads; it takes no others. */
type Row = {
  readonly state: JobState;
  readonly path: readonly JobCommand[];
  readonly takes: ReadonlyMap<JobCommand, JobState>;
};

/** What is over may be tried again. */
const AGAIN = new Map<JobCommand, JobState>([[retry, 'running']]);

const TABLE: readonly Row[] = [
  {
    state: 'idle',
    path: [],
    takes: new Map<JobCommand, JobState>([
      [begin, 'running'],
      [fail, 'failed'],
      [cancel, 'cancelled'],
    ]),
  },
  { state: 'running', path: [begin], takes: new Map<JobCommand, JobState>([...ENDS, [pause, 'paused']]) },
  { state: 'paused', path: [begin, pause], takes: new Map<JobCommand, JobState>([...ENDS, [resume, 'running']]) },
  { state: 'completed', path: [begin, finish], takes: AGAIN },
  { state: 'failed', path: [begin, fail], takes: AGAIN },
  { state: 'timedOut', path: [begin, timeOut], takes: AGAIN },
  { state: 'cancelled', path: [cancel], takes: AGAIN },
  { state: 'notReady', path: [begin, finishNotReady], takes: AGAIN },
];

const brought = ({ path, state }: Row): Actor<typeof jobMachine> => {
  const job = createActor(jobMachine).start();
  for (const command of path) job.send(command);
  expect(job.getSnapshot().value).toBe(state);
  return job;
};

describe.each(TABLE.map((row) => [row.state, row] as const))('a job that is %s', (_state, row) => {
  test.each(
    [...row.takes].map(([command, to]) => [to, COMMANDS.get(command), command] as const),
  )('goes to %s on %s', (to, _name, command) => {
    const job = brought(row);
    expect(job.getSnapshot().can(command)).toBe(true);
    job.send(command);
    expect(job.getSnapshot().value).toBe(to);
  });

  test('stays where it is on any other command', () => {
    const job = brought(row);
    const before = job.getSnapshot();
    for (const [command, name] of COMMANDS) {
      if (row.takes.has(command)) continue;
      expect.soft(before.can(command), name).toBe(false);
      job.send(command);
      expect.soft(job.getSnapshot().value, name).toBe(row.state);
    }
  });
});
