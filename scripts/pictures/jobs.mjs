// The other jobs of the pictures: small ones in every state, a map of 5,000, and a few thousand that are over.
import { readFileSync } from 'node:fs';
import { parse } from 'yaml';
import { defineJob, jobFrom, notReady } from '../../dist/index.js';

/** The graph of examples/pipeline.yaml, whose commands are stood in for by time. `slow`: what takes long. */
export const pipeline = ({ wait, random }, slow = []) => {
  const { name, tasks } = parse(readFileSync(new URL('../../examples/pipeline.yaml', import.meta.url), 'utf8'));
  return jobFrom(
    name,
    tasks.map((task) => ({
      name: task.name,
      dependsOn: task.dependencies,
      maxRetries: task.max_retries ?? 0,
      continueOnFailure: task.continue_on_failure ?? false,
      run: async ({ signal, log }) => {
        log.info(`${task.command} begins`);
        await wait(slow.includes(task.name) ? 50_000 : 5_000 + random() * 20_000, signal);
        log.info(`${task.name}: ${Math.round(random() * 20_000)} rows`);
        return {};
      },
    })),
  );
};

/** A map of 5,000 items, of which some fail. */
export const thumbnails = ({ wait, random }) =>
  defineJob('thumbnails', { maxConcurrency: 200, onFailure: 'continue' })
    .task('list', () => ({ files: Array.from({ length: 5_000 }, (_, n) => `IMG_${String(n).padStart(4, '0')}.jpg`) }))
    .map(
      'shrink',
      { dependsOn: ['list'], over: ({ ctx }) => ctx.files, maxRetries: 2, retry: { delayMs: 3_000 } },
      async ({ item, signal }) => {
        await wait(2_000 + random() * 6_000, signal);
        if (random() < 0.03) throw new Error(`${item}: unexpected end of JPEG data`);
      },
    )
    .task('album', { dependsOn: ['shrink'] }, () => {})
    .seal();

/** A task in each state that a task can be in, and names that are hard to show. */
export const everyState = ({ wait, random }) =>
  defineJob('every-state', { onFailure: 'continue' })
    .task('completed', async ({ log, signal }) => {
      log.info('begins');
      log.warn('\u001b[33mthe paper is low\u001b[0m: <script>alert(1)</script>');
      await wait(2_000, signal);
      return { pages: 12, name: 'Ada', parts: ['a', 'b'] };
    })
    .task('failed', async ({ signal }) => {
      await wait(3_000, signal);
      throw new Error('The bucket does not answer', {
        cause: new Error('connect ETIMEDOUT 10.0.0.7:443', { cause: new Error('no route to host') }),
      });
    })
    .task('after_the_failure', { dependsOn: ['failed'] }, () => {})
    .task('running', { pool: 'press' }, async ({ signal, progress }) => {
      progress(0.4, 'page 5 of 12');
      await wait(10_000_000, signal);
    })
    .task('ready', { pool: 'press', priority: -1 }, () => {})
    .task('retrying', { maxRetries: 5, retry: { delayMs: 600_000 } }, () => {
      throw new Error('503 Service Unavailable');
    })
    .sensor('polling', { interval: 300_000 }, () => false)
    .task('paused', { maxRetries: 1, retry: { delayMs: 1_000 }, onExhausted: 'pause' }, () => {
      throw new Error('The disk is full: 0 bytes of 512 GB left on /data');
    })
    .task('not_ready', () => notReady('no file of yesterday'))
    .task('skipped', { when: () => false }, () => {})
    .task('unscheduled', { dependsOn: ['running', 'approve'] }, () => {})
    .external('approve', { owner: 'accounting', data: { question: 'Is the refund right?', amount: 312.5 } })
    .task(
      'a_task_whose_name_is_as_long_as_names_are_when_machines_make_them_of_paths_and_dates_2026_11_30_0200',
      {},
      () => {},
    )
    .task('Größe <b>&amp; 日本語 مرحبا 🎬', { dependsOn: ['completed'] }, async ({ signal }) =>
      wait(random() * 2_000, signal),
    )
    .seal();

const SMALL = { invoices: 9, 'train-model': 14, 'send-reports': 6, backup: 4, 'ingest-events': 12 };

/** Definitions of jobs that are over soon: some fail, some are not ready, some run into their time limit. */
export const smallJobs = ({ wait, random }) =>
  Object.entries(SMALL).map(([name, count]) =>
    jobFrom(
      name,
      Array.from({ length: count }, (_, n) => ({
        name: `step-${n + 1}`,
        dependsOn: n < 2 ? [] : [`step-${n - Math.floor(random() * 2)}`],
        run: async ({ signal }) => {
          await wait(500 + random() * 40_000, signal);
          const luck = random();
          if (luck < 0.012) throw new Error('The copy is incomplete');
          if (luck < 0.014) return notReady('no file of yesterday');
        },
      })),
      { timeout: 180_000 },
    ),
  );
