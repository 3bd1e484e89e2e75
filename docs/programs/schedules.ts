import { defineJob, memoryJournal } from 'tintype';
import { createServer, defineSchedule } from 'tintype/server';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(Date.parse('2027-03-27T00:00:00Z')); // time to turn by hand, so that the program ends at once
const HOUR = 3_600_000;

const report = defineJob<{ due: string }>('report')
  .task('write', ({ ctx }) => console.log(`the report of ${ctx.due}`))
  .seal();

const nightly = defineSchedule({
  name: 'nightly',
  definition: report,
  cron: '30 2 * * *',
  timezone: 'Europe/Berlin',
  overlap: 'queue',
  input: { due: `\${{ schedule.due }}` },
});

const journal = memoryJournal();
const server = createServer({ journal, clock, schedules: [nightly], tokens: false });
await server.ready;
await clock.advance(2 * HOUR);
const next = await server.fetch(new Request('http://localhost/api/v1/schedules/nightly/next?count=2'));
const { items } = (await next.json()) as { readonly items: readonly { readonly local: string }[] };
console.log(`then ${items.map(({ local }) => local).join(', ')}`);

await server.close(); // the server is away for three days
await clock.advance(72 * HOUR);
const later = createServer({ journal, clock, schedules: [nightly], tokens: false });
await later.ready;
await clock.advance(1);
const shown = await later.fetch(new Request('http://localhost/api/v1/schedules/nightly'));
const { recent } = (await shown.json()) as { readonly recent: readonly { outcome: string; due: number }[] };
for (const { outcome, due } of recent.slice(0, 2)) console.log(`${new Date(due).toISOString()} ${outcome}`);
await later.close();
