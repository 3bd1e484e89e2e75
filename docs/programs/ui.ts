import { defineJob, memoryJournal } from 'tintype';
import { createServer } from 'tintype/server';

const dinner = defineJob('dinner')
  .task('soup', () => ({ soup: 'leek' }))
  .external('taste', { dependsOn: ['soup'], owner: 'cook' })
  .seal();

const server = createServer({ journal: memoryJournal(), definitions: [dinner] });
const { url } = await server.listen({ port: 0 }); // a free one
const job = server.engine.start(dinner, {}, { jobId: 'tonight' });
await job.output('soup');

// A browser signs in with a token, and is known by its cookie from then on.
const { secret } = await server.tokens.create({ name: 'screen', roles: ['operator'] });
const signedIn = await fetch(`${url}/api/v1/session`, {
  method: 'POST',
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify({ token: secret }),
});
const [cookie = '', ...attributes] = (signedIn.headers.get('set-cookie') ?? '').split('; ');
console.log(`signed in, with a cookie: ${attributes.join(', ')}`);

// The page of a job begins with its columns, in which each task is a letter; patches follow.
const view = await fetch(`${url}/api/v1/jobs/tonight/view`, { headers: { cookie } });
const columns = (await view.json()) as { readonly names: string; readonly state: string };
console.log(`${columns.names.split('\n').join(', ')}: ${columns.state}`);

const pause = async (headers: Record<string, string>): Promise<void> => {
  const { status } = await fetch(`${url}/api/v1/jobs/tonight/pause`, { method: 'POST', headers });
  console.log(`a pause with ${Object.keys(headers).join(' and ')}: ${status}`);
};
await pause({ cookie }); // as a form of another page would send it
await pause({ cookie, 'x-tintype-csrf': '1' });

await server.close({ graceMs: 0 });
