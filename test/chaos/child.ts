import { createHash } from 'node:crypto';
import { renameSync, writeFileSync, writeSync } from 'node:fs';
import { join } from 'node:path';
import { createEngine, type Job } from 'tintype';
import { type SqliteJournalOptions, sqliteJournal } from 'tintype/sqlite';
import type { Journal } from '../../src/engine/durable/journal.ts';
import { definitionOf, INPUT, type Moment, type World } from './definitions.ts';
import { openFacts } from './facts.ts';
import { chanceOf, randomJobs } from './random-jobs.ts';
import { textOf } from './text-of.ts';

/** What a process is told: whose jobs it runs, where, and when it is to die of its own hand. */
export type Orders = {
  readonly folder: string;
  readonly seed: number;
  /** Which process of the round it is, from 0. */
  readonly turn: number;
  /** Tells each moment on standard output, for whoever means to kill it then. */
  readonly tells: boolean;
  readonly suicide?: { readonly moment: Moment; readonly count: number } | undefined;
};

/** How a job ended, as its handle told it: all that is the same in every run. */
export type Outcome = {
  readonly state: string;
  readonly error: string;
  readonly ctx: string;
  readonly tasks: Readonly<Record<string, string>>;
};

const orders: Orders = JSON.parse(process.argv[2] ?? '');
const { folder, seed, turn } = orders;

let left = orders.suicide?.count ?? 0;
const moment = (now: Moment): void => {
  if (orders.suicide?.moment === now && --left === 0) process.kill(process.pid, 'SIGKILL');
  if (orders.tells) writeSync(1, `${now}\n`);
};

/** The same journal, with a moment before and after each call. */
const watched = (journal: Journal): Journal =>
  new Proxy(journal, {
    get: (target, key) => {
      const value = Reflect.get(target, key);
      if (typeof value !== 'function') return value;
      return (...args: unknown[]) => {
        moment(`before ${String(key)}`);
        const answer = value.apply(target, args);
        moment(`after ${String(key)}`);
        return answer;
      };
    },
  });

const outcomeOf = async (job: Job): Promise<Outcome> => {
  const { state, error, ctx, tasks } = await job;
  return {
    state,
    error: error?.code ?? '',
    ctx: textOf(ctx),
    tasks: Object.fromEntries(Object.entries(tasks).map(([name, task]) => [name, task.state])),
  };
};

moment('started');
const jobs = randomJobs(seed);
const chance = chanceOf(seed + 7_919 * (turn + 1));
const file = join(folder, 'jobs.db');
const options: SqliteJournalOptions = { synchronous: seed % 4 === 0 ? 'full' : 'normal' };
const facts = openFacts(join(folder, 'facts.ndjson'));
// What others would see: what is in the file, whatever the engine's own connection believes.
const eye = sqliteJournal(file, options);
for (const { id, name } of await eye.jobs()) {
  const events = await eye.events(id);
  const digest = createHash('sha1').update(JSON.stringify(events)).digest('hex');
  facts.say({ what: 'opened', job: id, name, seq: events.length - 1, digest });
}
moment('opened');

const seqOf = (job: string): number => {
  const found = eye.job(job);
  if (found && 'then' in found) throw new Error('The journal does not answer at once.');
  return found ? found.lastSeq : -1;
};
const world: World = { ...facts, seqOf, moment };
const definitions = jobs.map((job) => definitionOf(job, world));
const engine = createEngine({ journal: watched(sqliteJournal(file, options)), definitions });
engine.events$.subscribe((event) => {
  moment('published');
  if (event.type === 'task.transition' && (event.to === 'failed' || event.to === 'skipped')) moment(event.to);
});

const recover = async (): Promise<void> => {
  const { refused } = await engine.recover();
  for (const { jobId, error } of refused) facts.say({ what: 'refused', job: jobId, error: String(error) });
  moment('recovered');
};
const start = (): readonly Job[] =>
  definitions.map((definition) => engine.start(definition, INPUT, { jobKey: `seed ${seed}` }));

// Whoever starts first must find the jobs that are there, and whoever recovers first must leave none of them to the start.
const recoversFirst = turn > 0 && chance.oneIn(2);
if (recoversFirst) await recover();
const handles = start();
if (!recoversFirst) await recover();

const outcomes = await Promise.all(
  handles.map(async (job) => {
    const outcome = await outcomeOf(job);
    facts.say({ what: 'over', job: job.id, state: outcome.state });
    moment('over');
    return [job.name, outcome] as const;
  }),
);
await engine.close();
writeFileSync(join(folder, 'outcomes.tmp'), JSON.stringify(Object.fromEntries(outcomes)));
renameSync(join(folder, 'outcomes.tmp'), join(folder, 'outcomes.json'));
