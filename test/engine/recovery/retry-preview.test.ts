import fc from 'fast-check';
import {
  type AnyDefinition,
  createEngine,
  defineJob,
  type Job,
  type JobResult,
  jobFrom,
  memoryJournal,
  notReady,
  type TaskResult,
} from 'tintype';
import { expect, test } from 'vitest';
import { heard } from '../../support/heard.ts';
import { statesOf } from '../../support/retried-job.ts';

/** `FC_SEED=… npx vitest run test/engine/recovery/retry-preview.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

type Retried = {
  readonly tasks: readonly {
    readonly needs: readonly number[];
    readonly kind: 'task' | 'map' | 'job';
    readonly first: 'succeeds' | 'fails' | 'not ready' | 'tolerated';
    readonly trigger: 'allSuccess' | 'allDone' | 'always' | undefined;
  }[];
  readonly onFailure: 'continue' | 'abort' | 'drain';
  readonly chosen: readonly number[] | undefined;
  readonly downstream: boolean;
};

const retried: fc.Arbitrary<Retried> = fc.record({
  tasks: fc.array(
    fc.record({
      needs: fc.array(fc.nat(100), { maxLength: 3 }),
      kind: fc.constantFrom('task', 'task', 'map', 'job'),
      first: fc.constantFrom('succeeds', 'succeeds', 'fails', 'not ready', 'tolerated'),
      trigger: fc.constantFrom(undefined, undefined, 'allSuccess', 'allDone', 'always'),
    }),
    { minLength: 1, maxLength: 9, size: 'max' },
  ),
  onFailure: fc.constantFrom('continue', 'continue', 'abort', 'drain'),
  chosen: fc.option(fc.array(fc.nat(100), { minLength: 1, maxLength: 2 }), { nil: undefined }),
  downstream: fc.boolean(),
});

/** A definition that notes which tasks ran, and of which some fail the first time. */
const retriable = ({ tasks, onFailure }: Retried) => {
  const ran = new Set<string>();
  const world = { isFirst: true };
  const definition = jobFrom(
    'job',
    tasks.map(({ needs, kind, first, trigger }, at) => {
      const name = `t${at}`;
      const dependsOn = at === 0 ? [] : [...new Set(needs.map((need) => `t${need % at}`))];
      const run = ({ taskName }: { readonly taskName: string }): object => {
        ran.add(taskName);
        const isMeant = !taskName.endsWith('[0]') && !taskName.endsWith('/a');
        if (world.isFirst && isMeant && (first === 'fails' || first === 'tolerated')) throw new Error('busy');
        return world.isFirst && isMeant && first === 'not ready' ? notReady('not yet') : { [name]: taskName };
      };
      const flow = { name, dependsOn, trigger, continueOnFailure: first === 'tolerated' };
      if (kind === 'task') return { ...flow, run };
      if (kind === 'map') return { ...flow, kind, over: () => [0, 1, 2], each: run };
      const inner = defineJob('inner')
        .task('a', run as never)
        .task('b', { dependsOn: ['a'] }, run as never)
        .task('c', { dependsOn: ['b'] }, run as never)
        .seal();
      return { ...flow, kind, definition: inner };
    }) as never,
    { onFailure },
  ) as unknown as AnyDefinition;
  return { ran, world, definition };
};

const isAround = (path: string): boolean => /^t\d+$/.test(path);

test('what a preview of a retry tells is what then runs', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(retried, async (spec) => {
      const { ran, world, definition } = retriable(spec);
      const journal = memoryJournal();
      const engine = createEngine({ journal, definitions: [definition] });
      const job = engine.start(definition as never, {} as never, { jobId: 'one' }) as unknown as Job;
      const before = await job;
      const { chosen, downstream } = spec;
      const selection = { downstream, ...(chosen && { tasks: chosen.map((at) => `t${at % spec.tasks.length}`) }) };
      if (!chosen && before.state === 'completed') return;
      const preview = job.previewRetry(selection);
      expect(await engine.previewRetry('one', selection)).toEqual(preview);
      ran.clear();
      world.isFirst = false;
      const again = (await engine.retry('one', selection)).job;
      const events = heard(again);
      const after = (await again) as JobResult;
      const started = new Set(
        events.flatMap((event) => (event.type === 'task.transition' && event.to === 'running' ? event.task : [])),
      );
      // What is in the preview runs, but for what its rule then skips; nothing else does.
      for (const path of started) if (isAround(path)) expect(preview.runs, path).toContain(path);
      for (const path of preview.runs)
        if (isAround(path) && after.tasks[path]?.state !== 'skipped') expect([...started], path).toContain(path);
      for (const path of preview.keeps) expect([...started], path).not.toContain(path);
      for (const path of ran) if (!isAround(path)) expect(preview.runs).toContain(path.replace(/[[/].*/, ''));
      for (const path of preview.runs) {
        if (isAround(path) || after.tasks[path.replace(/[[/].*/, '')]?.state === 'skipped') continue;
        expect([...ran], path).toContain(path);
      }
      if (!chosen) expect(after.state).toBe('completed');
      const { job: readBack } = await createEngine({ journal, definitions: [definition] }).resume('one');
      const last = (await readBack) as JobResult;
      expect([last.state, last.ctx, statesOf(last.tasks)]).toEqual([after.state, after.ctx, statesOf(after.tasks)]);
      compared++;
    }),
    { numRuns: 200, ...seeded },
  );
  expect(compared).toBeGreaterThan(100);
});

test('what a preview of a rerun tells is what then runs', async () => {
  await fc.assert(
    fc.asyncProperty(retried, async (spec) => {
      const { ran, world, definition } = retriable(spec);
      const job = definition.start({} as never, { journal: memoryJournal() } as never) as unknown as Job;
      const before = await job;
      const { chosen } = spec;
      const selection = chosen && { from: chosen.map((at) => `t${at % spec.tasks.length}`) };
      if (!chosen && before.state === 'completed') return;
      const preview = job.previewRerun(selection);
      ran.clear();
      world.isFirst = false;
      const after = await job.rerun(selection as never);
      for (const path of preview.keeps)
        expect(after.tasks[path as never]).toMatchObject({ state: 'completed', attempts: 0 });
      for (const path of preview.runs) {
        if (!isAround(path)) continue;
        const { state, attempts } = after.tasks[path as never] as TaskResult;
        if (state !== 'skipped') expect([path, attempts]).toEqual([path, 1]);
      }
      for (const path of ran) expect(preview.runs).toContain(path.replace(/[[/].*/, ''));
      expect(after.state).toBe('completed');
    }),
    { numRuns: 200, ...seeded },
  );
});
