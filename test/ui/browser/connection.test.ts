import { expect, test } from 'vitest';
import { seededRandom } from '../../../src/testing/seeded-random.ts';
import { changesIn, type PatchData, type PatchEvent } from '../../../src/wire/patches.ts';
import { unitIdOf } from '../../../ui/src/units/unit-id.ts';
import { kill } from '../../service/programs.ts';
import { newFile } from '../../support/sqlite-files.ts';
import {
  describeInBrowser,
  eventsOf,
  line,
  openUi,
  servedUi,
  servingUi,
  statesAfter,
  type UiPage,
  until,
} from './support.ts';

/** `UI_SEED=… npx vitest run test/ui/browser/connection.test.ts` plays a failed run again. */
const { UI_SEED } = process.env;
const seed = UI_SEED === undefined ? Date.now() >>> 0 : Number(UI_SEED);

const CUTS = 20;
/** Before these cuts the server is killed. */
const KILLED = new Set([6, 13]);
const UNITS = 90;

/** A job of units that wait for Ann. */
const kitchen = (names: readonly string[]) => ({
  name: 'kitchen',
  tasks: [{ name: 'menu', units: names.map((name) => ({ name, owner: 'ann' })) }],
});

/** Keeps what each stream of patches told the page, in `window.told`. */
const recordPatches = (): void => {
  const told: [seq: number, data: string][] = [];
  const Real = EventSource;
  Object.assign(window, {
    told,
    EventSource: class extends Real {
      constructor(url: string | URL) {
        super(url);
        this.addEventListener('patch', ({ data, lastEventId }) => told.push([Number(lastEventId), data]));
      }
    },
  });
};

const toldTo = async ({ page }: UiPage): Promise<readonly (readonly [seq: number, data: PatchData])[]> => {
  const told = await page.evaluate(() => (window as unknown as { told: [number, string][] }).told);
  return told.map(([seq, data]) => [seq, JSON.parse(data)]);
};

const changesOf = (events: readonly PatchEvent[]): readonly unknown[] =>
  events.flatMap(({ type, data }) => (type === 'patch' ? [...changesIn(data)] : []));

const lostOf = ({ page }: UiPage) => page.getByText('Connection lost, trying again …');

/** Cuts, and returns how long the page took to say so, in ms. */
const saidAfter = async (ui: UiPage, cut: () => unknown): Promise<number> => {
  const began = performance.now();
  await cut();
  await lostOf(ui).waitFor();
  return performance.now() - began;
};

describeInBrowser('a page whose connection is cut', () => {
  const { serve } = servingUi();

  test(`misses nothing and is told nothing twice, by ${CUTS} cuts and 2 kills of the server (seed ${seed})`, async () => {
    const random = seededRandom(seed);
    const below = (count: number): number => Math.floor(random() * count);
    const db = newFile();
    let server = await serve(db);
    const { url, cut, mend } = await line(server.url);
    const names = Array.from({ length: UNITS }, (_, at) => `u${at}`);
    await server.client.jobs.start({ document: kitchen(names), jobId: 'j' });
    const left = new Map(names.map((name) => [name, 'ready']));
    /** Claims or completes any unit. */
    const change = async (): Promise<void> => {
      const [name = '', state] = [...left][below(left.size)] ?? [];
      const id = unitIdOf('j', `menu/${name}`);
      if (state === 'ready' && random() < 0.4) {
        await server.client.units.claimOne(id, { worker: 'ann' });
        left.set(name, 'claimed');
      } else {
        await server.client.units.command(id, { type: 'success' });
        left.delete(name);
      }
    };
    const changes = async (count: number): Promise<void> => {
      for (let at = 0; at < count && left.size > 1; at++) await change();
    };

    const ui = await openUi(url);
    ui.allow(/ERR_(CONNECTION|EMPTY|SOCKET|INCOMPLETE|NETWORK|ABORTED)|status of 503/);
    await ui.page.addInitScript(recordPatches);
    await ui.go('/jobs/j');
    await ui.painted(0);
    const { seq: first } = await ui.states();
    const waits: number[] = [];
    for (let round = 0; round < CUTS; round++) {
      await changes(below(4));
      if (KILLED.has(round)) {
        waits.push(await saidAfter(ui, () => kill(server)));
        server = await serve(db, { port: server.port });
      } else {
        // Some changes are on their way as it is cut.
        const going = changes(below(3));
        waits.push(await saidAfter(ui, cut));
        await going;
      }
      await changes(below(3));
      mend();
      await lostOf(ui).waitFor({ state: 'detached' });
      const { lastSeq } = await server.client.jobs.get('j');
      await ui.painted(lastSeq);
      const { seq, states } = await ui.states();
      const events = await eventsOf(server.client, 'j');
      expect(states, `after cut ${round}`).toEqual(statesAfter(events, seq));
    }
    expect(Math.max(...waits)).toBeLessThan(2000);

    const told = await toldTo(ui);
    const seqs = told.map(([seq]) => seq);
    expect(seqs).toEqual([...new Set(seqs)].sort((a, b) => a - b));
    const { events } = await server.client.jobs.history('j', { after: first });
    expect(told.flatMap(([, data]) => [...changesIn(data)])).toEqual(changesOf(events));
  }, 120_000);

  test('shows the end of a job that has come meanwhile, and that it is retried', async () => {
    const { url: target, client } = await servedUi();
    const { url, cut, mend } = await line(target);
    await client.jobs.start({ document: kitchen(['u']), jobId: 'j' });
    const ui = await openUi(url, '/jobs/j');
    ui.allow(/ERR_/);
    await ui.painted(0);
    await saidAfter(ui, cut);
    await client.units.command(unitIdOf('j', 'menu/u'), { type: 'error', message: 'burnt', retryable: false });
    await until(async () => expect((await client.jobs.get('j')).state).toBe('failed'));
    mend();
    await ui.page.locator('.pill', { hasText: 'failed' }).waitFor();
    await lostOf(ui).waitFor({ state: 'detached' });
    await client.jobs.retry('j');
    await ui.page.locator('.pill', { hasText: 'running' }).waitFor();
  });

  test('says that a job is there no more that was removed meanwhile', async () => {
    const { url: target, client } = await servedUi();
    const { url, cut, mend } = await line(target);
    await client.jobs.start({ document: kitchen(['u']), jobId: 'j' });
    const ui = await openUi(url, '/jobs/j');
    ui.allow(/ERR_|404/);
    await ui.painted(0);
    await saidAfter(ui, cut);
    await client.jobs.cancel('j');
    await client.jobs.result('j');
    await client.jobs.remove('j');
    mend();
    await ui.page.getByText('There is no job j.').waitFor();
  });

  test('shows the list of jobs as it is once it is back', async () => {
    const { url: target, client } = await servedUi();
    const { url, cut, mend } = await line(target);
    const start = (jobId: string) => client.jobs.start({ document: kitchen(['u']), jobId });
    await start('one');
    const ui = await openUi(url);
    ui.allow(/ERR_/);
    const asked: string[] = [];
    ui.page.on('request', (request) => void asked.push(request.url()));
    await ui.page.getByText('running', { exact: true }).first().waitFor();
    expect(await saidAfter(ui, cut)).toBeLessThan(2000);
    await client.jobs.cancel('one');
    await start('two');
    mend();
    await lostOf(ui).waitFor({ state: 'detached' });
    await ui.page.getByRole('row', { name: /cancelled.*one/ }).waitFor();
    await ui.page.getByRole('row', { name: /running.*two/ }).waitFor();
    // Nobody has asked again and again.
    expect(asked.length).toBeLessThan(20);
  });
});
