import type { FailurePolicy } from '../engine/options.ts';

export type ToldOptions = {
  readonly workers?: number | undefined;
  /** In ms. */
  readonly timeout?: number | undefined;
  readonly onFailure?: FailurePolicy | undefined;
  /** In ms. */
  readonly grace?: number | undefined;
  readonly json?: boolean | undefined;
  readonly events?: string | undefined;
};

/** The options that a command was given, as words, for a command that is to do the same. */
export const toldOptions = ({ workers, timeout, onFailure, grace, json, events }: ToldOptions): readonly string[] => [
  ...(workers === undefined ? [] : ['-w', String(workers)]),
  ...(timeout === undefined ? [] : ['--timeout', durationWord(timeout)]),
  ...(onFailure === undefined ? [] : ['--on-failure', onFailure]),
  ...(grace === undefined ? [] : ['--grace', durationWord(grace)]),
  ...(json ? ['--json'] : []),
  ...(events === undefined ? [] : ['--events', events]),
];

const durationWord = (ms: number): string => (ms % 1000 === 0 ? `${ms / 1000}s` : `${ms}ms`);
