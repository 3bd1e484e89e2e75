import { memoryJournal } from 'tintype';
import { createServer } from 'tintype/server';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(); // time to turn by hand, so that the program ends at once
const server = createServer({ journal: memoryJournal(), clock, tokens: false }); // no port: nobody else can ask
await server.ready;

const post = async (path: string, body: object) => {
  const headers = { 'content-type': 'application/json' };
  const url = `http://localhost/api/v1${path}`;
  const answer = await server.fetch(new Request(url, { method: 'POST', headers, body: JSON.stringify(body) }));
  return { status: answer.status, body: (await answer.json()) as Record<string, unknown> };
};

type Claimed = { id: string; name: string; token: string; attempt: number; data: unknown; deps: unknown };
const claim = async (worker: string) => {
  const waiting = post('/units/claim', { owners: ['cook'], worker, leaseMs: 30_000, waitMs: 1000 });
  await clock.advance(1000);
  const [unit] = (await waiting).body.units as Claimed[];
  if (unit)
    console.log(`${worker} claims ${unit.name}, attempt ${unit.attempt}: ${JSON.stringify([unit.data, unit.deps])}`);
  return unit;
};
const send = async (worker: string, unit: Claimed | undefined, command: object) => {
  const { status, body } = await post(`/units/${unit?.id}/commands`, { ...command, token: unit?.token });
  console.log(`${worker} is answered ${status} ${body.code ?? (body.unit as { state: string }).state}`);
};

const units = [
  { name: 'fish', owner: 'cook', data: { guests: 4 } },
  { name: 'plate', owner: 'cook', dependsOn: ['fish'] },
];
await post('/jobs', { document: { name: 'dinner', tasks: [{ name: 'cook', units }] }, jobId: 'd' });

const anns = await claim('ann');
await send('ann', anns, { type: 'progress', fraction: 0.5 });
await clock.advance(30_000); // nothing more is heard of ann

const bobs = await claim('bob');
await send('ann', anns, { type: 'success', output: { fried: true } });
await send('bob', bobs, { type: 'success', output: { fried: true } });
await send('bob', bobs, { type: 'success', output: { fried: true } }); // the answer may have been lost

const plate = await claim('bob');
await send('bob', plate, { type: 'release', reason: 'end of the shift' });

await server.close();
