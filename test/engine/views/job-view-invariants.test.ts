import fc from 'fast-check';
import type { JobView } from 'tintype';
import { expect, test } from 'vitest';
import type { Plan } from '../../../src/engine/definition/plan.ts';
import { PLAN } from '../../../src/engine/definition/sealed.ts';
import { emptyRecord, recordEvent } from '../../../src/engine/model/job-record.ts';
import { outlineOf } from '../../../src/engine/views/outline.ts';
import { viewOfRecord } from '../../../src/engine/views/record-view.ts';
import { play, restlessJob } from '../../support/restless-job.ts';

/** `FC_SEED=… npx vitest run test/engine/views/job-view-invariants.test.ts` plays a failed run again. */
const { FC_SEED } = process.env;
const seeded = FC_SEED === undefined ? {} : { seed: Number(FC_SEED) };

test('at any time, a job shows of itself what the events so far say of it', async () => {
  let compared = 0;
  await fc.assert(
    fc.asyncProperty(restlessJob(), async (spec) => {
      const views = new Map<number, JobView>();
      const { definition, events } = await play(spec, (job) => {
        const view = job.view({ outputs: true });
        views.set(view.lastSeq, view);
      });
      const outline = outlineOf(definition[PLAN] as Plan);
      const record = emptyRecord();
      for (const event of events) {
        recordEvent(record, event);
        const seen = views.get(event.seq);
        if (!seen) continue;
        const told = viewOfRecord(seen, { record, output: ({ output }) => output }, outline, { outputs: true });
        expect(inEvents(seen)).toEqual(inEvents(told));
        compared++;
      }
    }),
    { numRuns: 150, ...seeded },
  );
  expect(compared).toBeGreaterThan(FC_SEED === undefined ? 1_000 : 0);
});

/** What of a view is in the events: the end of a lease is nowhere, held tasks and a stop under way are notes of the journal. */
const inEvents = ({ stop: _, tasks, ...job }: JobView): unknown => ({
  ...job,
  tasks: tasks.map(({ claim, heldBy: _, ...task }) => ({ ...task, worker: claim?.worker })),
});
