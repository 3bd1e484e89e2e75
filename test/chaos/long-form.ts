import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { playRound, type Round } from './round.ts';

export type LongFormOptions = {
  /** The bundle of child.ts. */
  readonly child: string;
  /** That of the first round; each further one has the next. */
  readonly seed: number;
  /** Rounds are played until processes have been killed so many times. */
  readonly kills: number;
  /** Rounds at once. Default 2. */
  readonly atOnce?: number;
  readonly say: (line: string) => void;
};

const MOST_KILLS_OF_A_ROUND = 30;

/** Plays rounds, tells each, and sums them up; what is left of a round with violations stays on disk. */
export const playLong = async ({ child, seed, kills, atOnce = 2, say }: LongFormOptions): Promise<readonly Round[]> => {
  const rounds: Round[] = [];
  const began = Date.now();
  let next = seed;
  const killed = (): number => rounds.reduce((sum, round) => sum + round.kills, 0);
  const player = async (): Promise<void> => {
    while (killed() < kills) {
      const folder = mkdtempSync(join(tmpdir(), 'tintype-chaos-'));
      const round = await playRound({ child, folder, seed: next++, mostKills: MOST_KILLS_OF_A_ROUND });
      rounds.push(round);
      say(
        `seed ${round.seed}: ${counted(round.kills, 'kill')}, ${round.jobs} jobs of ${round.tasks} tasks, ${round.events} events`,
      );
      for (const violation of round.violations) say(`  VIOLATION ${violation}`);
      if (round.violations.length === 0) rmSync(folder, { recursive: true, force: true });
      else say(`  What is left is in ${folder}. Again: CHAOS_SEED=${round.seed} CHAOS_KILLS=1 npm run chaos`);
    }
  };
  await Promise.all(Array.from({ length: atOnce }, player));
  say(summary(rounds, seed, Date.now() - began));
  return rounds;
};

const summary = (rounds: readonly Round[], seed: number, ms: number): string => {
  const sum = (of: (round: Round) => number): number => rounds.reduce((total, round) => total + of(round), 0);
  return [
    `${counted(
      sum(({ kills }) => kills),
      'kill',
    )} in ${counted(rounds.length, 'round')} from seed ${seed}`,
    `${sum(({ jobs }) => jobs)} jobs of ${sum(({ tasks }) => tasks)} tasks`,
    `${sum(({ events }) => events)} events`,
    `${Math.round(ms / 1_000)} s`,
    counted(
      sum(({ violations }) => violations.length),
      'violation',
    ),
  ].join(', ');
};

const counted = (count: number, what: string): string => `${count} ${what}${count === 1 ? '' : 's'}`;
