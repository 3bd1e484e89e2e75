import { expect, test } from 'vitest';
import { jobFrom } from '../../../src/engine/job-from.ts';
import type { JobEvent } from '../../../src/events/event.ts';
import { describeInBrowser, eventsOf, gates, openUi, servedUi, statesAfter, until } from './support.ts';

const MOMENTS = 10;

/** The events up to a moment, in ms since the start of the job. */
const upTo = (events: readonly JobEvent[], startedAt: number, moment: number): readonly JobEvent[] =>
  events.filter(({ at }) => at <= startedAt + moment);

describeInBrowser('replay', () => {
  test(`shows at ${MOMENTS} moments what the journal says of them, while the job goes on beneath; End is live again`, async () => {
    const { pass, open } = gates();
    const steps = (count: number, prefix: string) =>
      Array.from({ length: count }, (_, at) => ({
        name: `${prefix}${at}`,
        dependsOn: at === 0 ? [] : [`${prefix}${at - 1}`],
        maxRetries: 1,
        retry: { delayMs: 5 },
        run: ({ attempt }: { readonly attempt: number }) => {
          if (at % 3 === 1 && attempt === 1) throw new Error('not at once');
        },
      }));
    const work = jobFrom('work', [
      ...steps(8, 'step'),
      { name: 'part', kind: 'job', dependsOn: ['step2'], definition: jobFrom('part', steps(4, 'inner')) },
      { name: 'each', kind: 'map', dependsOn: ['step5'], over: [1, 2, 3], each: () => ({}) },
      { name: 'wait', dependsOn: ['each', 'part', 'step7'], run: () => pass('wait') },
      { name: 'after', dependsOn: ['wait'], run: () => ({}) },
    ]);
    const { url, server, client } = await servedUi();
    const job = server.engine.start(work, {}, { jobId: 'j' });
    await until(() => expect(job.explain('wait')).toMatchObject([{ state: 'running' }]));
    const ui = await openUi(url, '/jobs/j');
    await until(async () => expect((await ui.states()).states.wait).toBe('running'));

    const events = await eventsOf(client, 'j');
    const { startedAt } = await client.jobs.view('j');
    const all = (await ui.states()).states;
    const last = (events.at(-1) as JobEvent).at - startedAt;
    const moments = Array.from({ length: MOMENTS }, (_, at) => Math.round((last * at) / (MOMENTS - 1)));
    for (const moment of moments) {
      await ui.go(`/jobs/j?at=${moment}`);
      const wanted = statesAfter(upTo(events, startedAt, moment));
      await until(async () => {
        const { states } = await ui.states();
        const begun = Object.fromEntries(Object.entries(states).filter(([, state]) => state !== 'unscheduled'));
        expect(begun, `at ${moment} ms of ${last}`).toEqual(wanted);
      });
    }

    await ui.go(`/jobs/j?at=${last}`);
    await until(async () => expect((await ui.states()).states).toEqual(all));
    open('wait');
    await job;
    const { lastSeq } = await client.jobs.get('j');
    await ui.painted(lastSeq);
    expect(await ui.states()).toMatchObject({ seq: lastSeq, states: all });
    await ui.page.getByText('as it was at').waitFor();
    await ui.page.keyboard.press('[');
    await until(async () => expect((await ui.states()).states).not.toEqual(all));
    await ui.page.keyboard.press(']');
    await until(async () => expect((await ui.states()).states).toEqual(all));
    await ui.page.getByRole('slider', { name: 'Moment on show' }).focus();
    await ui.page.keyboard.press('End');
    await until(async () =>
      expect((await ui.states()).states).toMatchObject({ wait: 'completed', after: 'completed' }),
    );
    expect(ui.address()).toBe('/jobs/j');
  });

  test('commands are of now, with numbers of now, whatever moment is on show', async () => {
    const { pass, open } = gates();
    const work = jobFrom('work', [
      { name: 'a', run: () => ({}) },
      { name: 'wait', dependsOn: ['a'], run: () => pass('wait') },
      { name: 'bad', dependsOn: ['wait'], run: () => Promise.reject(new Error('no')) },
    ]);
    const { url, server } = await servedUi({ definitions: [work] });
    const job = server.engine.start(work, {}, { jobId: 'j' });
    await until(() => expect(job.explain('wait')).toMatchObject([{ state: 'running' }]));
    const ui = await openUi(url, '/jobs/j?task=a&at=-1');
    const button = (name: string) => ui.page.getByRole('button', { name, exact: true });
    await until(async () => expect(Object.keys((await ui.states()).states)).toEqual([]));
    await ui.page.getByText('as it was at').waitFor();
    await button('Cancel …').click();
    expect(await ui.page.getByRole('group', { name: 'Cancel' }).innerText()).toMatch(
      /^1 task that wait.*Abort 1 task that run/s,
    );

    open('wait');
    await job;
    await ui.go('/jobs/j?task=bad&at=0');
    await until(async () => expect((await ui.states()).states.bad).toBe('unscheduled'));
    await button('Retry …').click();
    await ui.page.getByText('1 that did not complete').waitFor();
    await button('Retry from here …').waitFor();
  });

  test('the state and the error of the job are those of the moment, and no moment is after now', async () => {
    const work = jobFrom('work', [{ name: 'bad', run: () => Promise.reject(new Error('broke')) }]);
    const { url, server } = await servedUi();
    await server.engine.start(work, {}, { jobId: 'j' });
    const ui = await openUi(url, '/jobs/j');
    const pill = ui.page.locator('.job-title .pill');
    const slider = ui.page.getByRole('slider', { name: 'Moment on show' });
    await ui.page.locator('.job-error', { hasText: 'bad' }).waitFor();
    await ui.go('/jobs/j?at=-1');
    await until(async () => expect(await pill.innerText()).not.toBe('failed'));
    expect(await ui.page.locator('.job-error').count()).toBe(0);
    for (const at of ['1e99', '999999999']) {
      await ui.go(`/jobs/j?at=${at}`);
      await ui.page.getByText(/as it was at \d{4}-/).waitFor();
      await until(async () => expect(await pill.innerText()).toBe('failed'));
      expect(Number(await slider.getAttribute('aria-valuenow'))).toBeLessThanOrEqual(60_000);
    }
  });
});
