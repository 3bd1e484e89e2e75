import { defineJob } from 'tintype';
import { toSvg } from 'tintype/svg';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(Date.UTC(2026, 0, 5, 9, 30)); // time to turn by hand, so that the program ends at once
const takes = (ms: number) => () => new Promise<void>((done) => clock.setTimer(done, ms));

const nightly = defineJob('nightly')
  .sensor('file', { interval: 1_000 }, () => clock.now() >= Date.UTC(2026, 0, 5, 9, 30, 1))
  .map('charts', { dependsOn: ['file'], over: ['heat', 'rain'] }, takes(1_500))
  .task('store', { dependsOn: ['file'], maxRetries: 1, retry: { delayMs: 500 } }, async ({ attempt }) => {
    await takes(500)();
    if (attempt === 1) throw new Error('disk full');
  })
  .external('approval', { dependsOn: ['charts', 'store'] })
  .seal();

console.log(nightly.toMermaid());

const job = nightly.start({}, { clock });
await clock.advance(1_600);
console.log(job.toDot());
for (const { task, state, subtree } of job.frontier()) console.log(`${task} is ${state} and holds up ${subtree}`);

await clock.advance(1_400);
job.task('approval').claim('ann');
await clock.advance(2_000);
job.task('approval').complete();
console.log(`\n${(await job).toGantt()}`);

const svg = toSvg(job);
console.log(`as SVG: ${svg.match(/class="node"/g)?.length} nodes, ${svg.match(/class="edge"/g)?.length} edges`);
