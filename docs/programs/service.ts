import { defineJob, memoryJournal } from 'tintype';
import { createServer } from 'tintype/server';

const greet = defineJob('greet')
  .task('greeting', () => ({ greeting: 'Good morning' }))
  .seal();

const server = createServer({ journal: memoryJournal(), definitions: [greet] });
const { url } = await server.listen({ port: 0 }); // a free one

const ask = async (path: string, secret?: string) => {
  const headers: Record<string, string> = secret === undefined ? {} : { authorization: `Bearer ${secret}` };
  const answer = await fetch(url + path, { headers });
  const { state, code, name, roles } = (await answer.json()) as Record<string, string>;
  console.log(`${path} ${answer.status} ${state ?? code ?? `${name}: ${roles}`}`);
};

await ask('/readyz');
await ask('/api/v1/whoami'); // no token is needed, as long as there is none
const { secret } = await server.tokens.create({ name: 'screen', roles: ['viewer'] });
await ask('/api/v1/whoami');
await ask('/api/v1/whoami', secret);
await ask('/api/v1/tokens', secret);

const { state, ctx } = await server.engine.start(greet); // a job like those that clients start
console.log(`${state}: ${ctx.greeting}`);

await server.close();
