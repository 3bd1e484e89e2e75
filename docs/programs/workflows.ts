import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadWorkflow } from 'tintype/workflow';

const folder = mkdtempSync(join(tmpdir(), 'orders-'));
const file = join(folder, 'orders.yaml');
writeFileSync(
  file,
  `
name: orders
params:
  least: 10
secrets: [API_TOKEN]
tasks:
  - name: fetch
    type: bash
    command: |
      echo "asking with $API_TOKEN"
      echo '{"orders": [{"id": 1, "amount": 30}, {"id": 2, "amount": 5}, {"id": 3, "amount": 12}]}' > "$TINTYPE_OUTPUT"
  - name: pack
    type: bash
    dependencies: [fetch]
    map: { over: "ctx.orders.filter(order, order.amount >= params.least)", concurrency: 1 }
    env: { ID: "\${{ item.id }}" }
    command: echo "box $ID"
    output: text
  - name: celebrate
    type: bash
    dependencies: [pack]
    when: ctx.pack.size() > 100
    command: echo "A hundred orders!"
  - name: bill
    type: node
    dependencies: [pack]
    command: |
      const amounts = ctx.orders.map(({ amount }) => amount).filter((amount) => amount >= params.least);
      output({ total: amounts.reduce((sum, amount) => sum + amount) });
`,
);

const { definition } = await loadWorkflow(file, { env: { API_TOKEN: 'sesame' } });
const job = definition.start({ params: { least: 12 } }, { maxConcurrency: 4 });
job.events$.subscribe((event) => {
  if (event.type === 'task.log') console.log(`${event.task} | ${event.message}`);
  if (event.type === 'task.transition' && event.to === 'skipped') console.log(`${event.task} skipped: ${event.reason}`);
});
const { state, ctx } = await job;
console.log(`${state}: ${JSON.stringify({ pack: ctx.pack, total: ctx.total })}`);
rmSync(folder, { recursive: true });
