import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createEngine, defineJob } from 'tintype';
import { sqliteJournal } from 'tintype/sqlite';

const file = join(mkdtempSync(join(tmpdir(), 'tintype-')), 'jobs.db');
let die = (): void => {};
const death = new Promise<void>((resolve) => {
  die = resolve;
});

const orders = defineJob('orders')
  .task('read', () => {
    console.log('read');
    return { orders: ['tea', 'jam', 'oats'], since: new Date(0) };
  })
  .task('ship', { dependsOn: ['read'] }, async ({ ctx, attempt, checkpoint, idempotencyKey }) => {
    const { last: shipped = 0, save } = checkpoint<number>();
    for (const [at, order] of ctx.orders.entries()) {
      if (at < shipped) continue;
      if (at === 2 && attempt === 1) {
        die();
        await new Promise(() => {}); // in the middle of its work
      }
      console.log(`ship ${order}, attempt ${attempt}, with the key ${idempotencyKey}/${at}`);
      await save(at + 1);
    }
    return { shipped: ctx.orders.length };
  })
  .task('bill', { dependsOn: ['ship'] }, ({ ctx }) => {
    console.log('bill');
    return { bill: `${ctx.shipped} orders` };
  })
  .seal();

const first = createEngine({ journal: sqliteJournal(file) });
first.start(orders, {}, { jobId: 'monday' });
await death;
await first.close({ mode: 'abort' }); // leaves the job; a process that is killed leaves as much

const second = createEngine({ journal: sqliteJournal(file), definitions: [orders] });
const { resumed } = await second.recover();
for (const job of resumed) {
  const { state, ctx, tasks } = await job;
  console.log(`${job.id} is ${state}: ${JSON.stringify(ctx)}`);
  console.log(`read: ${tasks.read?.attempts} attempt, ship: ${tasks.ship?.attempts} attempts`);
}

console.log(`From bill on: ${JSON.stringify(await second.previewRerun('monday', { from: 'bill' }))}`);
const { job } = await second.rerun('monday', { from: 'bill', jobId: 'tuesday' });
console.log(`${job.id} is ${(await job).state}`);
await second.close();
