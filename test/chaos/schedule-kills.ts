import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { sqliteJournal } from 'tintype/sqlite';
import { seededRandom } from 'tintype/testing';

export type ScheduleKills = {
  /** The bundle of schedule-child.ts. */
  readonly child: string;
  /** A folder of its own. */
  readonly folder: string;
  readonly seed: number;
  readonly kills: number;
};

/** Kills a server with a job each second around its due times, then lets it go on; resolves to what did not hold. */
export const killSchedules = async ({ child, folder, seed, kills }: ScheduleKills): Promise<readonly string[]> => {
  const file = join(folder, 'jobs.db');
  const random = seededRandom(seed);
  const violations: string[] = [];
  for (let kill = 0; kill < kills; kill++) {
    // From shortly before the due time until its job is over.
    const around = Math.round(random() * 120) - 20;
    await play(child, file, (line, end) => {
      if (line === 'ready') setTimeout(() => end('SIGKILL'), 1000 - (Date.now() % 1000) + around);
    });
  }
  let left = 3;
  const exit = await play(child, file, (line, end) => {
    // Between two due times, so that no job is left for a later server.
    if (line === 'over' && --left === 0) setTimeout(() => end('SIGTERM'), 1500 - (Date.now() % 1000));
  });
  if (exit !== 0) violations.push(`The last server ended with ${exit}.`);
  const journal = sqliteJournal(file);
  const jobs = await journal.jobs({ order: 'oldest' });
  const due = jobs.map(({ labels }) => Date.parse(labels.due ?? '')).sort((a, b) => a - b);
  for (const [index, at] of due.entries()) {
    const before = due[index - 1] ?? at - 1000;
    if (at === before) violations.push(`The job of ${new Date(at).toISOString()} was started twice.`);
    else if (at !== before + 1000) violations.push(`Between ${before} and ${at} due times were lost.`);
  }
  for (const { id, state } of jobs) if (state !== 'completed') violations.push(`The job ${id} is ${state}.`);
  if (jobs.length < kills) violations.push(`Only ${jobs.length} jobs were started.`);
  await journal.close();
  return violations;
};

/** Runs a server, and reports its lines; resolves to its exit code. */
const play = (
  child: string,
  file: string,
  onLine: (line: string, end: (signal: NodeJS.Signals) => void) => void,
): Promise<number | null> =>
  new Promise((resolve, reject) => {
    const server = spawn(process.execPath, ['--no-warnings', child, file], { stdio: ['ignore', 'pipe', 'inherit'] });
    createInterface({ input: server.stdout }).on('line', (line) => onLine(line, (signal) => void server.kill(signal)));
    server.once('error', reject);
    server.once('close', resolve);
  });
