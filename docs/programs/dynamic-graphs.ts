import { type AnyTaskSpec, defineJob, expand, JobDefinitionError } from 'tintype';

const site: Record<string, string[]> = { '/': ['/docs', '/blog'], '/docs': ['/docs/api'], '/blog': ['/docs'] };
const taskName = (page: string): string => `visit ${page.replaceAll('/', '.')}`;

const seen = new Set<string>();
const visit = (page: string): AnyTaskSpec => ({
  name: taskName(page),
  run: () => {
    const links = (site[page] ?? []).filter((link) => !seen.has(link));
    for (const link of links) seen.add(link);
    return expand(links.map(visit), { [page]: site[page]?.length ?? 0 });
  },
});

const crawl = defineJob('crawl')
  .task('begin', () => expand([visit('/')]))
  .external('approve')
  .task('publish', { dependsOn: ['approve'] }, () => {})
  .seal();

const job = crawl.start();
job.events$.subscribe((event) => {
  if (event.type === 'task.added' || event.type === 'task.removed') console.log(`${event.type} ${event.task}`);
});

job.addTasks([{ name: 'warm up', run: () => ({ warm: true }) }]); // before it starts
await job.output('begin');

try {
  job.addTasks([
    { name: 'approve', run: () => {} },
    { name: 'tweet', dependsOn: ['publsh'], run: () => {} },
  ]);
} catch (error) {
  if (error instanceof JobDefinitionError)
    for (const { code, message } of error.problems) console.log(`${code}: ${message}`);
}
job.addTasks([{ name: 'tweet', dependsOn: ['publish', 'begin'], run: () => ({ tweeted: true }) }]);
job.removeTask('tweet');
job.removeTask('publish');
job.task('approve').complete();

const { state, ctx, tasks } = await job;
console.log(`the job is ${state}: ${JSON.stringify(ctx)}`);
console.log(`its tasks: ${Object.keys(tasks).join(', ')}`);
console.log(`the definition still has ${crawl.tasks.length} tasks`);
