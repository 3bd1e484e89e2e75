import { setTimeout as sleep } from 'node:timers/promises';
import { defineJob } from '../../engine/builder.ts';
import type { AnyDefinition } from '../../engine/job-definition.ts';
import { jobFrom } from '../../engine/job-from.ts';

/** Jobs of different shapes, which take their time and sometimes fail. `speed` divides all times; `random`: from 0 to 1. */
export const demoJobs = (random: () => number, speed = 1): readonly AnyDefinition[] => {
  type Work = { readonly signal: AbortSignal; readonly log: { readonly info: (message: string) => void } };
  /** Works for a time between two, in ms. */
  const work = async ({ signal, log }: Work, least: number, most: number): Promise<void> => {
    const ms = least + random() * (most - least);
    log.info(`works for ${Math.round(ms)} ms`);
    await sleep(ms / speed, undefined, { signal });
  };
  const fails = (share: number): boolean => random() < share;
  const retry = { delayMs: 1_500 / speed };

  const publish = defineJob('publish')
    .task('render', async (scope) => {
      await work(scope, 1_000, 3_000);
      return { pages: 12 };
    })
    .task('upload', { dependsOn: ['render'], maxRetries: 4, retry }, async (scope) => {
      await work(scope, 500, 1_500);
      if (fails(0.4))
        throw new Error('The bucket does not answer', { cause: new Error('connect ETIMEDOUT 10.0.0.7:443') });
    })
    .task('announce', { dependsOn: ['upload'] }, (scope) => work(scope, 300, 800))
    .seal();

  const sales = defineJob('daily-sales')
    .task('orders', async (scope) => {
      await work(scope, 1_000, 3_000);
      return { files: Array.from({ length: 24 }, (_, hour) => `orders-${String(hour).padStart(2, '0')}.csv`) };
    })
    .task('customers', (scope) => work(scope, 1_000, 4_000))
    .task('prices', { maxRetries: 3, retry }, async (scope) => {
      await work(scope, 500, 1_500);
      if (fails(0.5)) throw new Error('503 Service Unavailable');
    })
    .map(
      'clean',
      {
        dependsOn: ['orders'],
        over: ({ ctx }) => ctx.files,
        concurrency: 4,
        maxRetries: 2,
        retry,
        continueOnFailure: true,
      },
      async ({ item, signal, log, progress }) => {
        for (const part of [0.25, 0.5, 0.75, 1]) {
          await work({ signal, log }, 100, 700);
          progress(part, item);
        }
        if (fails(0.15)) throw new Error(`${item}: a line has 7 fields, not 8`);
        return item.length;
      },
    )
    .task('join', { dependsOn: ['clean', 'customers', 'prices'] }, (scope) => work(scope, 1_000, 3_000))
    .job('report', { dependsOn: ['join'] }, publish)
    .seal();

  const approval = defineJob('refund')
    .task('check', async (scope) => {
      await work(scope, 500, 1_500);
      return { amount: Math.round(random() * 900) + 50 };
    })
    .external('approve', { dependsOn: ['check'], owner: 'accounting', data: { question: 'Is the refund right?' } })
    .task('pay', { dependsOn: ['approve'] }, (scope) => work(scope, 500, 1_500))
    .task('letter', { dependsOn: ['pay'] }, (scope) => work(scope, 200, 600))
    .seal();

  const broken = defineJob('backup')
    .task('snapshot', (scope) => work(scope, 1_000, 2_000))
    .task('copy', { dependsOn: ['snapshot'], maxRetries: 1, retry }, async (scope) => {
      await work(scope, 1_000, 2_000);
      throw new Error('The copy is incomplete', { cause: new Error('ENOSPC: no space left on device, write') });
    })
    .task('verify', { dependsOn: ['copy'] }, () => {})
    .task('remove-old', { dependsOn: ['verify'] }, () => {})
    .seal();

  const layers = Array.from({ length: 1_000 }, (_, n) => {
    const [layer, place] = [Math.floor(n / 50), n % 50];
    const before = [place, (place + 7) % 50].map((at) => `s${layer - 1}-${at}`);
    return {
      name: `s${layer}-${place}`,
      dependsOn: layer === 0 ? [] : [...new Set(before)],
      run: (scope: Work) => work(scope, 20, 400),
    };
  });
  const simulation = jobFrom('simulation', layers, { maxConcurrency: 8 });

  return [sales, approval, broken, simulation, publish];
};
