import { mkdtempSync, readFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { defineJob } from 'tintype';
import { inspectToFile } from 'tintype/inspect';

const nightly = defineJob('nightly')
  .task('download', { maxRetries: 1 }, ({ attempt }) => {
    if (attempt === 1) throw new Error('connection reset');
    return { rows: 120 };
  })
  .task('load', { dependsOn: ['download'] }, ({ ctx }) => console.log(`${ctx.rows} rows`))
  .seal();

const inspection = await inspectToFile(join(mkdtempSync(join(tmpdir(), 'nightly-')), 'nightly.jsonl'));
await nightly.start({}, { inspect: inspection });
await inspection.close();

const names = new Map<string, string>();
for (const line of readFileSync(inspection.path, 'utf8').trim().split('\n')) {
  const { type, sessionId, parentId, name, event, snapshot } = JSON.parse(line);
  if (type === '@xstate.actor') names.set(sessionId, parentId === undefined ? 'the job' : name);
  if (type === '@xstate.snapshot') console.log(`${names.get(sessionId)}: ${event.type} → ${snapshot.value}`);
}
