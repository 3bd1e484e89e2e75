import { defineJob, eventLogger, notReady } from 'tintype';

const website = defineJob<{ domain: string; certificates: string[] }>('website')
  .task('certificate', ({ ctx: { domain, certificates } }) =>
    certificates.includes(domain) ? { certificate: `cert-of-${domain}` } : notReady(`no certificate for ${domain}`),
  )
  .task('server', { dependsOn: ['certificate'] }, ({ ctx }) => ({ url: `https://${ctx.domain}` }))
  .seal();

const launch = defineJob<{ certificates: string[] }>('launch')
  .task('name', () => ({ domain: 'example.org' }))
  .job('shop', { dependsOn: ['name'], output: ({ url }) => ({ shopUrl: url }) }, website)
  .job('blog', { input: ({ ctx }) => ({ ...ctx, domain: 'blog.org' }) }, website)
  .task('announce', { dependsOn: ['shop', 'blog'] }, ({ ctx }) => ({ text: `${ctx.shopUrl} and ${ctx.blog.url}` }))
  .seal();

const job = launch.start({ certificates: ['example.org', 'blog.org'] });
job.events$.subscribe(eventLogger());
console.log((await job.orThrow()).text);

const second = await launch.start({ certificates: ['blog.org'] });
console.log(`the second job is ${second.state}`);
for (const [name, { state, reason, tasks = {} }] of Object.entries(second.tasks)) {
  console.log(`  ${name} ${state}${reason === undefined ? '' : `: ${reason}`}`);
  for (const [inner, task] of Object.entries(tasks)) console.log(`    ${inner} ${task.state}`);
}
