// A job of 10,000 tasks as a nightly warehouse has it: 24 sources in chains with a map each, then six marts.
import { defineJob } from '../../dist/index.js';

const SOURCES =
  'orders customers products events weather flights payments stock visits mail ads returns prices routes sensors tickets ratings vouchers stores staff fleet energy parcels refunds'.split(
    ' ',
  );
const MARTS = ['sales', 'finance', 'logistics', 'marketing', 'people', 'quality'];
const BLOCKS = 330;
const PARTS = 488;

/** The sources that a mart is made of; finance and logistics need those that fail. */
const sourcesOf = (mart) =>
  ({ finance: ['payments', 'orders', 'refunds'], logistics: ['mail', 'parcels', 'routes'] })[mart] ??
  SOURCES.filter((name) => name !== 'payments' && name !== 'mail');

/** `wait(ms, signal)` passes time; `random` gives numbers from 0 to 1. */
export const warehouse = ({ wait, random }) => {
  const work = async ({ signal }, least, most) => wait(least + random() * (most - least), signal);
  let builder = defineJob('nightly-warehouse', { maxConcurrency: 160, onFailure: 'continue' }).task('start', (scope) =>
    work(scope, 1_000, 2_000),
  );
  for (const [place, source] of SOURCES.entries()) {
    builder = builder
      .task(`extract_${source}`, { dependsOn: ['start'] }, (scope) => work(scope, 8_000, 40_000))
      .task(`stage_${source}`, { dependsOn: [`extract_${source}`] }, async (scope) => {
        await work(scope, 2_000, 9_000);
        return { [source]: Array.from({ length: BLOCKS }, (_, block) => block) };
      })
      .map(
        `clean_${source}`,
        {
          dependsOn: [`stage_${source}`],
          over: ({ ctx }) => ctx[source],
          maxRetries: 1,
          retry: { delayMs: 4_000 },
          priority: -place,
        },
        async (scope) => {
          const { item, attempt, log } = scope;
          log.info(`\u001b[36mGET\u001b[0m /blocks/${item} \u001b[32m200\u001b[0m ${20 + (item % 60)} ms`);
          log.info(`read ${(item * 128 + 96).toLocaleString('en')} rows`);
          await work(scope, 6_000, 24_000);
          const isBroken = (source === 'mail' && item % 41 === 40) || (source === 'payments' && item === 241);
          if (isBroken || (attempt === 1 && random() < 0.004))
            throw new Error('partition checksum does not match: expected 9f31c2, read 0b77e0', {
              cause: new Error(`block ${item}: 7 bytes after the end`),
            });
        },
      )
      .task(`merge_${source}`, { dependsOn: [`clean_${source}`] }, async (scope) => {
        for (let line = 1; line <= 1_200; line += 1) scope.log.info(`merged block ${line}: ${line * 128} rows`);
        await work(scope, 6_000, 20_000);
      })
      .task(`check_${source}`, { dependsOn: [`merge_${source}`] }, (scope) => work(scope, 4_000, 16_000))
      .task(`load_${source}`, { dependsOn: [`check_${source}`] }, (scope) => work(scope, 6_000, 20_000));
  }
  for (const mart of MARTS) {
    const parts = defineJob(`mart-${mart}`)
      .task('plan', async (scope) => {
        await work(scope, 1_000, 4_000);
        return { parts: Array.from({ length: PARTS }, (_, part) => part) };
      })
      .map('build', { dependsOn: ['plan'], over: ({ ctx }) => ctx.parts, concurrency: 48 }, (scope) =>
        work(scope, 4_000, 20_000),
      )
      .task('test', { dependsOn: ['build'] }, (scope) => work(scope, 4_000, 9_000))
      .seal();
    builder = builder
      .job(`mart_${mart}`, { dependsOn: sourcesOf(mart).map((source) => `load_${source}`) }, parts)
      .task(`report_${mart}`, { dependsOn: [`mart_${mart}`] }, (scope) => work(scope, 4_000, 9_000));
  }
  return builder
    .external('approve', {
      dependsOn: MARTS.map((mart) => `report_${mart}`),
      trigger: 'noneFailed',
      owner: 'analysts',
      data: { question: 'May the numbers go out?' },
    })
    .task('publish', { dependsOn: ['approve'] }, (scope) => work(scope, 1_000, 2_000))
    .task('notify', { dependsOn: ['publish'] }, (scope) => work(scope, 1_000, 2_000))
    .seal();
};
