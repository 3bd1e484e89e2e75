import { buffered, defineJob, memoryJournal } from 'tintype';
import { createServer } from 'tintype/server';

const order = defineJob('order')
  .task('pack', () => ({ parcels: 2 }))
  .external('ship', { dependsOn: ['pack'] })
  .seal();

const server = createServer({ journal: memoryJournal(), definitions: [order] });
const { url } = await server.listen({ port: 0 });
const job = server.engine.start(order, {}, { jobId: 'order-1' });

/** Prints the events of the job after an id; returns the last id after `count` of them, or when the job is over. */
const follow = async (after: string | undefined, count = Number.POSITIVE_INFINITY): Promise<string | undefined> => {
  const headers = { accept: 'text/event-stream', ...(after !== undefined && { 'last-event-id': after }) };
  const answer = await fetch(`${url}/api/v1/jobs/order-1/events`, { headers });
  let last = after;
  let seen = 0;
  let text = '';
  for await (const bytes of answer.body?.pipeThrough(new TextDecoderStream()) ?? []) {
    const frames = (text + bytes).split('\n\n');
    text = frames.pop() ?? '';
    for (const frame of frames) {
      const [, id, type, data = ''] = /^id: (.+)\nevent: (.+)\ndata: (.+)$/.exec(frame) ?? [];
      if (id === undefined) continue;
      const { task = 'the job', to, output } = JSON.parse(data);
      console.log(`${id} ${type}: ${task} is ${to}${output ? ` ${JSON.stringify(output)}` : ''}`);
      last = id;
      if (++seen === count) return last;
    }
  }
  console.log(`${answer.status}: no more`);
  return last;
};

const last = await follow(undefined, 3); // then the connection breaks
while (job.task('ship').state !== 'ready') await new Promise(setImmediate);
await job.task('ship').complete({});
await follow(await follow(last));
await server.close();

// In the program itself: a reader that is slower than the job.
const count = defineJob('count')
  .task('count', ({ log }) => {
    for (let line = 1; line <= 1_000; line++) log.info(`line ${line}`);
  })
  .seal();
const counting = count.start({});
const events = buffered(counting.events$, { size: 3 });
await counting;
for await (const event of events) console.log(event.type === 'task.log' ? event.message : event.type);
console.log(`${events.dropped} dropped`);
