import { expect, test } from 'vitest';
import { jobFrom } from '../../../src/engine/job-from.ts';
import { describeInBrowser, gates, openUi, servedUi, until } from './support.ts';

type Input = { readonly fails?: boolean; readonly waits?: boolean };

/** Three jobs that are over, one of them failed, and one that runs. */
const bakery = async () => {
  const { pass, openAll } = gates();
  const bake = jobFrom('bake', [
    { name: 'knead', run: () => {} },
    {
      name: 'loaf',
      kind: 'map',
      dependsOn: ['knead'],
      over: [0, 1],
      each: async ({ ctx, item }) => {
        if ((ctx as Input).fails && item === 1) throw new Error('burnt');
        if ((ctx as Input).waits) await pass('loaf');
      },
    },
  ]);
  const served = await servedUi({ definitions: [bake] });
  const { engine } = served.server;
  for (const jobId of ['one', 'two']) await engine.start(bake, {}, { jobId });
  await engine.start(bake, { fails: true }, { jobId: 'bad' });
  const running = engine.start(bake, { waits: true }, { jobId: 'runs' });
  await until(() => expect(running.explain('loaf[1]')).toMatchObject([{ state: 'running' }]));
  return { ...served, openAll, running };
};

describeInBrowser('the metrics of the last jobs', () => {
  test('are charts and a table on the page of a definition, and change with the jobs', async () => {
    const { url, client, openAll } = await bakery();
    const { page } = await openUi(url, '/definitions/bake');
    const section = page.getByRole('region', { name: 'Metrics of the last jobs' });
    await section.getByRole('heading', { name: 'The last 4 jobs' }).waitFor();
    const fills = () =>
      section
        .locator('.chart')
        .first()
        .locator('b')
        .evaluateAll((bars) => bars.map((bar) => bar.className));
    // A job that took less than 1 ms has no bar.
    await until(async () => {
      const shown = await fills();
      expect(shown.at(-1)).toBe('fill-running');
      expect(shown.length).toBeLessThanOrEqual(4);
    });
    const failed = section.getByRole('region', { name: 'Tasks that failed' });
    expect(await failed.locator('tbody tr').allInnerTexts()).toEqual([
      expect.stringMatching(/^loaf\[\]\s+1\s+1\s+bad\s+TASK_FAILED$/),
    ]);
    await section.getByText('As a table').click();
    const rows = section.getByRole('region', { name: 'The last jobs as a table' }).locator('tbody tr');
    const shown = async () => (await rows.allInnerTexts()).map((text) => text.split(/\s+/).slice(0, 2).join(' '));
    expect(await shown()).toEqual(['runs running', 'bad failed', 'two completed', 'one completed']);
    openAll();
    await until(async () => expect((await shown())[0]).toBe('runs completed'));
    const { durations, attempts, failures } = await client.definitions.metrics('bake');
    expect(durations.count).toBe(3);
    const texts = await section.locator('figcaption').allInnerTexts();
    expect(texts[2]?.split('\n')).toEqual(['Failures of tasks', `${failures} in ${attempts} attempts, 0 retries`]);
    await failed.getByRole('link', { name: 'bad' }).click();
    await until(() => expect(page.url()).toBe(`${url}/jobs/bad`));
  });

  test('are shown on the page of a job, which is marked, also if the server has no definition of its name', async () => {
    const { url, server } = await bakery();
    await server.engine.start(jobFrom('alone', [{ name: 'only', run: () => {} }]), {}, { jobId: 'alone' });
    const ui = await openUi(url, '/jobs/bad', { width: 390, height: 844 });
    const section = ui.page.getByRole('region', { name: 'Metrics of the last jobs' });
    expect(await section.count()).toBe(0);
    await ui.page.getByRole('button', { name: 'Last jobs' }).click();
    expect(ui.address()).toBe('/jobs/bad?show=metrics');
    await until(async () => {
      const marked = await section
        .locator('.chart')
        .last()
        .locator('i.current')
        .evaluateAll((all) => all.map((one) => (one as HTMLElement).title));
      expect(marked).toEqual([expect.stringMatching(/^bad: 1 failure, failed, /)]);
    });
    await ui.go('/jobs/alone?show=metrics');
    await section.getByRole('heading', { name: 'The last job' }).waitFor();
    await ui.page.getByRole('button', { name: 'Last jobs' }).click();
    await until(async () => expect(await section.count()).toBe(0));
    expect(ui.address()).toBe('/jobs/alone');
  });
});

describeInBrowser('the heading of a job', () => {
  test('says how much of it is done while it runs', async () => {
    const { url, client, openAll } = await bakery();
    const { page } = await openUi(url, '/jobs/runs');
    const done = page.locator('.job-title').getByText('% done');
    await done.waitFor();
    const { progress } = await client.jobs.get('runs');
    expect(await done.innerText()).toMatch(`${Math.floor((progress?.fraction ?? Number.NaN) * 100)} % done`);
    openAll();
    await done.waitFor({ state: 'detached' });
  });

  test('says how long the rest takes, and more is done as time passes, without an event', async () => {
    const { pass } = gates();
    const roast = jobFrom('roast', [{ name: 'oven', estimate: 40_000, run: () => pass('oven') }]);
    const { url, server } = await servedUi({ definitions: [roast] });
    server.engine.start(roast, {}, { jobId: 'r' });
    const { page } = await openUi(url, '/jobs/r');
    const done = page.locator('.job-title').getByText('% done');
    await done.waitFor();
    const first = await done.innerText();
    expect(first).toMatch(/^\d+ % done, about \d+ s left$/);
    await until(async () => {
      const later = await done.innerText();
      expect(Number.parseInt(later, 10)).toBeGreaterThan(Number.parseInt(first, 10));
    });
  });
});
