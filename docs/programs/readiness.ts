import { createPoller, createProber, createSnapshotStore, defineJob, notReady } from 'tintype';
import { virtualClock } from 'tintype/testing';

const clock = virtualClock(); // time to turn by hand, so that the program ends at once
const upAt = { dns: 20, database: 70 }; // when each is there, in ms
type Piece = keyof typeof upAt;
const isUp = (piece: Piece) => () => clock.now() >= upAt[piece];

const prober = createProber({ timeout: 1_000, clock });

const probe = async (name: Piece, signal: AbortSignal) => {
  const { state, id, error } = await prober.check({ namespace: 'cloud', name }, isUp(name), { signal });
  if (state === 'error') throw error;
  return state === 'ready' ? undefined : notReady(`waiting for ${id}`);
};

const site = defineJob('site')
  .task('dns', ({ signal }) => probe('dns', signal))
  .task('database', ({ signal }) => probe('database', signal))
  .task('website', { dependsOn: ['dns', 'database'] }, () => {})
  .task('announce', { dependsOn: ['website'] }, () => {})
  .task('invoice', () => {})
  .seal();

const look = async () => {
  const { state, tasks } = await site.start({}, { clock });
  console.log(`at ${clock.now()} ms: the job is ${state}`);
  for (const [name, task] of Object.entries(tasks)) {
    console.log(`  ${name} ${task.state}${task.reason === undefined ? '' : `: ${task.reason}`}`);
  }
};

await look();

const store = createSnapshotStore();
const poller = createPoller({ interval: 50, prober, clock });
store.setJobSnapshot('site', 'worker-1');
const database = poller.check('cloud.database', isUp('database'));
await clock.advance(60);
console.log(`at ${clock.now()} ms: in progress ${JSON.stringify(store.snapshotsInProgress())}`);
await clock.advance(40);
store.clearJobSnapshot('site');
console.log(`at ${clock.now()} ms: cloud.database is ${(await database).state}`);

await look();
