import { spawn } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sqliteJournal } from 'tintype/sqlite';
import { check, type Remains } from './check.ts';
import type { Orders, Outcome } from './child.ts';
import { readFacts } from './facts.ts';
import { type KillPlan, killPlan } from './kill-plan.ts';
import { randomJobs } from './random-jobs.ts';

export type Round = {
  readonly seed: number;
  readonly kills: number;
  /** Processes, those that lived included. */
  readonly turns: number;
  readonly jobs: number;
  readonly tasks: number;
  readonly events: number;
  /** What held in spite of the kills did not hold here. Empty is good. */
  readonly violations: readonly string[];
};

export type RoundOptions = {
  /** The bundle of child.ts. */
  readonly child: string;
  /** A folder of the round's own. */
  readonly folder: string;
  readonly seed: number;
  /** Once there have been so many, the jobs run on undisturbed. */
  readonly mostKills: number;
};

/** Where a round leaves what it did undisturbed, and what it did while it was killed. */
export const foldersOf = (folder: string): { readonly calm: string; readonly wild: string } => ({
  calm: join(folder, 'calm'),
  wild: join(folder, 'wild'),
});

/** Longer than a process takes on a very busy machine. */
const HANGS_AFTER_MS = 30_000;

/** Runs the jobs of a seed once undisturbed, and once in processes that are killed until the jobs are over; compares the two. */
export const playRound = async ({ child, folder, seed, mostKills }: RoundOptions): Promise<Round> => {
  const { calm, wild } = foldersOf(folder);
  for (const each of [calm, wild]) mkdirSync(each, { recursive: true });
  const violations: string[] = [];
  const end = await play(child, { folder: calm, seed, turn: 0, tells: false }, undefined);
  if (end.hung) violations.push(`The undisturbed process did not end. ${end.stderr}`);
  else if (end.exitCode !== 0) violations.push(`The undisturbed process ended with ${end.exitCode}: ${end.stderr}`);

  let kills = 0;
  let turn = 0;
  while (violations.length === 0 && !existsSync(join(wild, 'outcomes.json'))) {
    const plan = kills < mostKills ? killPlan(seed, turn) : undefined;
    const suicide = plan?.by === 'itself' ? plan : undefined;
    const end = await play(child, { folder: wild, seed, turn, tells: plan?.by === 'parent', suicide }, plan);
    turn++;
    if (end.signal === 'SIGKILL' && !end.hung) kills++;
    else if (end.hung) violations.push(`Process ${turn} did not end. ${end.stderr}`);
    else if (end.exitCode !== 0) violations.push(`Process ${turn} ended with ${end.exitCode}: ${end.stderr}`);
  }
  const jobs = randomJobs(seed);
  const read = await readRemains(wild);
  if (violations.length === 0) violations.push(...check(jobs, await readRemains(calm), read, kills));
  return {
    seed,
    kills,
    turns: turn,
    jobs: jobs.length,
    tasks: jobs.reduce((sum, { tasks }) => sum + tasks.length, 0),
    events: read.jobs.reduce((sum, { events }) => sum + events.length, 0),
    violations,
  };
};

type End = {
  readonly exitCode: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly hung: boolean;
  readonly stderr: string;
};

const play = (program: string, orders: Orders, plan: KillPlan | undefined): Promise<End> =>
  new Promise((resolve, reject) => {
    const child = spawn(process.execPath, ['--no-warnings', program, JSON.stringify(orders)], {
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let stderr = '';
    let hung = false;
    let left = plan?.count ?? 0;
    const watchdog = setTimeout(() => {
      hung = true;
      child.kill('SIGKILL');
    }, HANGS_AFTER_MS);
    let shot: NodeJS.Timeout | undefined;
    createInterface({ input: child.stdout }).on('line', (line) => {
      if (plan?.by !== 'parent' || line !== plan.moment || --left !== 0) return;
      if (plan.delayMs === 0) child.kill('SIGKILL');
      else shot = setTimeout(() => child.kill('SIGKILL'), plan.delayMs);
    });
    child.stderr.on('data', (chunk) => {
      stderr += chunk;
    });
    child.once('error', reject);
    child.once('close', (exitCode, signal) => {
      clearTimeout(watchdog);
      clearTimeout(shot);
      resolve({ exitCode, signal, hung, stderr });
    });
  });

/** All that a run has left in its folder. */
export const readRemains = async (folder: string): Promise<Remains> => {
  const journal = sqliteJournal(join(folder, 'jobs.db'));
  const jobs = [];
  for (const job of await journal.jobs()) jobs.push({ job, events: await journal.events(job.id) });
  await journal.close();
  const outcomes = join(folder, 'outcomes.json');
  return {
    jobs,
    facts: readFacts(join(folder, 'facts.ndjson')),
    outcomes: existsSync(outcomes) ? (JSON.parse(readFileSync(outcomes, 'utf8')) as Record<string, Outcome>) : {},
  };
};
