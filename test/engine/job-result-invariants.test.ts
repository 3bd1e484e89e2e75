import fc from 'fast-check';
import { JobError, type JobEvent, TaskError, type TaskState } from 'tintype';
import { expect, test } from 'vitest';
import { barsOf } from '../support/bars-of.ts';
import { type Played, play, type RandomJob, randomJob } from '../support/random-graph.ts';

/** `FC_SEED=… npx vitest run test/engine/job-result-invariants.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

type Told = Extract<JobEvent, { readonly type: 'task.transition' }>;

/** What was told of each task, in order. */
const transitionsOf = ({ events }: Played): ReadonlyMap<string, Told[]> => {
  const told = new Map<string, Told[]>();
  for (const event of events) {
    if (event.type === 'task.transition') told.set(event.task, [...(told.get(event.task) ?? []), event]);
  }
  return told;
};

/**
 * When a task waited and when it ran, by what was told of it, as `waits 1000-1020` and `runs 1020-1050`; in whole ms. A
 * wait of a part of a ms may be rounded to one or to none, and is left out.
 */
const staysOf = (transitions: readonly Told[]): string[] =>
  transitions.flatMap(({ from, at }, index) => {
    const [since, until] = [Math.round(transitions[index - 1]?.at ?? at), Math.round(at)];
    if (from === 'ready') return until > since + 1 ? [`waits ${since}-${until}`] : [];
    return from === 'running' ? [`runs ${since}-${until}`] : [];
  });

/** The same by the gantt chart. */
const staysIn = (bars: readonly string[] = []): string[] =>
  bars.flatMap((bar) => {
    const [, what, from, to = from] = /^(.*?) [\d.hms]+(?: \(attempt \d+\))? (\d+)(?:-(\d+))?$/.exec(bar) ?? [];
    if (what === undefined) return [`unread ${bar}`];
    if (what === 'waiting') return Number(to) <= Number(from) + 1 ? [] : [`waits ${from}-${to}`];
    return [`runs ${from}-${to}`];
  });

/** Whether two lists of stays are the same, but for the rounding of times that lie in the middle of two ms. */
const areNear = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length &&
  some.every((stay, at) => {
    const [a, b] = [stay, others[at] ?? ''].map((text) => /^(\w+) (\d+)-(\d+)$/.exec(text) ?? []);
    return a?.[1] === b?.[1] && [2, 3].every((part) => Math.abs(Number(a?.[part]) - Number(b?.[part])) <= 1);
  });

const downstreamOf = ({ tasks }: RandomJob, root: string): string[] => {
  const reached = new Set([root]);
  for (const name of reached) for (const task of tasks) if (task.dependsOn.includes(name)) reached.add(task.name);
  return [...reached].sort();
};

test('the result of a random job says what its events said, and its views what its result says', async () => {
  const seen = new Set<TaskState | 'frontier' | 'boundary'>();
  await fc.assert(
    fc.asyncProperty(randomJob(), async (spec) => {
      const played = await play(spec);
      const { result } = played;
      const told = transitionsOf(played);
      const tasks = result.tasks;
      const open = (name: string): boolean => tasks[name]?.state !== 'completed';

      for (const { name } of spec.tasks) {
        const events = told.get(name) ?? [];
        const runs = events.filter(({ to }) => to === 'running');
        const last = events.at(-1);
        const task = tasks[name];
        seen.add(task?.state ?? 'unscheduled');
        expect(task?.state).toBe(last?.to ?? 'unscheduled');
        expect(task?.attempts).toBe(runs.length);
        expect(task?.startedAt).toBe(runs[0]?.at);
        expect(task?.durationMs).toBe(runs[0] && last && last.at - runs[0].at);
        if (task?.state === 'completed') expect([task.reason, task.error]).toEqual([undefined, undefined]);
        else expect(task?.reason).toBe(last?.reason);
      }

      const failures = played.events.flatMap((event) =>
        event.type === 'task.transition' && event.to === 'failed' ? [event.task] : [],
      );
      expect(result.errors.map(({ taskName }) => taskName)).toEqual(failures);
      for (const error of result.errors) {
        expect(error).toBe(tasks[error.taskName]?.error);
        expect(error.code).not.toBe('UPSTREAM_FAILED');
        expect(error.tolerated).toBe(spec.tasks.find(({ name }) => name === error.taskName)?.continueOnFailure);
        if (error.code === 'TASK_FAILED') expect(error.rootCause()).toBe(played.thrown.get(error.taskName));
      }
      expect(result.firstError()).toBe(result.errors.find(({ tolerated }) => !tolerated));
      if (result.state === 'failed') expect(result.error?.cause).toBe(result.firstError());
      for (const { name } of spec.tasks) {
        const error = tasks[name]?.error;
        if (error?.code !== 'UPSTREAM_FAILED') continue;
        let cause: unknown = error;
        while (cause instanceof TaskError && cause.code === 'UPSTREAM_FAILED') cause = cause.cause;
        expect(result.errors).toContain(cause);
        expect(error.rootCause()).not.toBeInstanceOf(JobError);
      }

      const frontier = spec.tasks
        .filter(({ name, dependsOn }) => {
          const state = tasks[name]?.state;
          return open(name) && (!dependsOn.some(open) || state === 'failed' || state === 'notReady');
        })
        .map(({ name, dependsOn }) => ({
          task: name,
          state: tasks[name]?.state,
          blockedBy: dependsOn.filter(open).sort(),
          subtree: downstreamOf(spec, name),
        }));
      expect(result.frontier()).toEqual(frontier.sort((a, b) => (a.task < b.task ? -1 : 1)));
      if (frontier.length > 0) seen.add('frontier');
      const boundary = spec.tasks
        .filter(({ name }) => !open(name) && downstreamOf(spec, name).some(open))
        .map(({ name }) => name);
      expect(result.boundarySubtrees().map(({ task }) => task)).toEqual(boundary.sort());
      if (boundary.length > 0) seen.add('boundary');

      const bars = barsOf(result.toGantt(), 0);
      for (const { name } of spec.tasks) {
        const shown = staysIn(bars[name]);
        const stays = staysOf(told.get(name) ?? []);
        if (!areNear(shown, stays)) expect([name, shown]).toEqual([name, stays]);
      }
    }),
    { numRuns: 300, ...seeded },
  );
  expect([...seen].sort()).toEqual(
    ['boundary', 'cancelled', 'completed', 'failed', 'frontier', 'notReady', 'skipped', 'unscheduled'].sort(),
  );
});
