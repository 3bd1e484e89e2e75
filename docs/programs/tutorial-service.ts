import { memoryJournal } from 'tintype';
import { createClient } from 'tintype/client';
import { createServer } from 'tintype/server';

const server = createServer({ journal: memoryJournal() });
const client = createClient(await server.listen({ port: 0 })); // elsewhere: { url: 'https://…', token: 'tt_…' }

const boss = client.work({
  owners: ['boss'],
  worker: 'Grace',
  handler: ({ name, data }) => {
    console.log(`${name}: ${JSON.stringify(data)}`);
    return { approved: true };
  },
});
const clerk = client.work({
  owners: ['clerk'],
  handler: ({ name, deps }) => {
    console.log(`${name}: ${JSON.stringify(deps)}`);
    return { paid: 480 };
  },
});

const { id } = await client.jobs.start({
  document: {
    name: 'invoice',
    tasks: [
      {
        name: 'desk',
        units: [
          { name: 'approve', owner: 'boss', data: { euros: 480 } },
          { name: 'pay', owner: 'clerk', dependsOn: ['approve'] },
        ],
      },
    ],
  },
});
const { state } = await client.jobs.result(id);
console.log(`the job is ${state}`);

await Promise.all([boss.stop(), clerk.stop()]);
await server.close();
