import type { TaskFunction } from '../engine/definition/task-function.ts';
import { type ExitMeaning, withExitCodes } from '../executors/process/exit-codes.ts';
import type { TaskOfType } from './schema.ts';

type Keys = Pick<TaskOfType<'bash'>, 'exit_codes'>;

/** Gives exit codes the meanings that the task says. */
export const withMeanings = ({ exit_codes: codes }: Keys, run: TaskFunction): TaskFunction =>
  codes === undefined ? run : withExitCodes(run, meaningsOf(codes));

const meaningsOf = (codes: NonNullable<Keys['exit_codes']>): ReadonlyMap<number, ExitMeaning> =>
  new Map(
    Object.entries(codes).flatMap(([code, word]) => (word === 'success' ? [] : [[Number(code), MEANINGS[word]]])),
  );

/** The codes that count as 0 does. */
export const successCodesOf = (codes: Keys['exit_codes']): ReadonlySet<number> =>
  new Set(Object.entries(codes ?? {}).flatMap(([code, word]) => (word === 'success' ? [Number(code)] : [])));

const MEANINGS = { not_ready: 'notReady', skip: 'skip', fail: 'fail' } as const satisfies Record<string, ExitMeaning>;
