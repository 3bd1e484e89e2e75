// daggerpool's pattern: a site that comes up piece by piece. Each task looks whether its piece is there; one that has to
// wait says so, its downstream is skipped, other branches go on, and nothing has failed. Started again until all is ready.
import { defineJob, notReady } from 'tintype';

type Cloud = { readonly has: (piece: string) => boolean };
const check = ({ has }: Cloud, piece: string) => (has(piece) ? undefined : notReady(`waiting for the ${piece}`));

const site = defineJob<{ cloud: Cloud }>('site')
  .task('network', ({ ctx }) => check(ctx.cloud, 'network'))
  .task('dns', { dependsOn: ['network'] }, ({ ctx }) => check(ctx.cloud, 'dns record'))
  .task('database', { dependsOn: ['network'] }, ({ ctx }) => check(ctx.cloud, 'database'))
  .task('certificate', { dependsOn: ['dns'] }, ({ ctx }) => check(ctx.cloud, 'certificate'))
  .task('website', { dependsOn: ['certificate', 'database'] }, () => ({ url: 'https://example.org' }))
  .seal();

// A cloud that finishes a piece or two between two looks.
const finished = ['network', 'database', 'dns record', 'certificate'];
let pieces = 0;
const cloud: Cloud = { has: (piece) => finished.slice(0, pieces).includes(piece) };

for (let look = 1; ; look++) {
  const result = await site.start({ cloud });
  if (result.state === 'completed') {
    console.log(`look ${look}: ready at ${result.ctx.url}`);
    break;
  }
  for (const [task, { state, reason }] of Object.entries(result.tasks)) {
    if (state === 'notReady' || state === 'skipped') console.log(`look ${look}: ${task} ${state}, ${reason}`);
  }
  pieces += look;
}
