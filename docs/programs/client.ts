import { memoryJournal } from 'tintype';
import { createClient } from 'tintype/client';
import { createServer } from 'tintype/server';

const server = createServer({ journal: memoryJournal() });
const { url } = await server.listen({ port: 0 });

const client = createClient({ url }); // and a token, if the service has any
const cook = client.work({
  owners: ['cook'],
  worker: 'cook-1',
  handler: async (unit, { progress }) => {
    await progress(0.5, 'half-way');
    return { dish: `${unit.name} for ${(unit.data as { guests: number }).guests}` };
  },
});

const { id } = await client.jobs.start({
  document: {
    name: 'dinner',
    tasks: [{ name: 'main', units: [{ name: 'fish', owner: 'cook', data: { guests: 4 } }] }],
  },
});
const { state } = await client.jobs.result(id);
const { items } = await client.jobs.tasks(id, { under: 'main', outputs: true });
console.log(`${state}: ${JSON.stringify(items.find(({ path }) => path === 'main/fish')?.output)}`);

for await (const { type, data } of client.jobs.events(id)) {
  const { task, to, fraction } = data as { task?: string; to?: string; fraction?: number };
  if (task === 'main/fish') console.log(`${type} ${to ?? fraction}`);
}

await client.jobs.get('nothing').catch(({ code, message }) => console.log(`${code}: ${message}`));
await cook.stop();
await server.close();
