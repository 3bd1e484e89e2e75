import { createEngine, defineJob } from 'tintype';
import { prometheus } from 'tintype/prometheus';

const engine = createEngine({ maxConcurrency: 4, pools: { db: 2 } });
const metrics = prometheus(engine);
engine.events$.subscribe(metrics);

let tries = 0;
const nightly = defineJob('nightly')
  .task('load', { pool: 'db', maxRetries: 1, retry: { delayMs: 1 } }, () => {
    if (++tries === 1) throw new Error('no route to host');
    return { files: ['sky.png', 'sea.png'] };
  })
  .map('resize', { over: ({ ctx }) => ctx.files, dependsOn: ['load'] }, () => {})
  .seal();
await engine.start(nightly);

const exposition = await metrics.register.metrics(); // what an HTTP server answers to Prometheus
for (const line of exposition.split('\n'))
  if (/^tintype_(task_attempts|jobs_ended|slots)/.test(line) && !line.endsWith(' 0')) console.log(line);
