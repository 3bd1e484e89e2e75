import { TintypeError } from '../../engine/errors/errors.ts';
import { DETAILS, type ErrorDetails } from '../../events/error-data.ts';

/** A command that ended with an exit code other than 0, or by a signal. */
export class ProcessError extends TintypeError {
  override readonly name = 'ProcessError';
  readonly code = 'PROCESS_FAILED';
  /** `null` if a signal ended the command. */
  readonly exitCode: number | null;
  /** `null` if the command exited by itself. */
  readonly signal: NodeJS.Signals | null;
  /** The last lines of standard output, at most `TAIL_LINES`. */
  readonly stdout: readonly string[];
  /** The last lines of standard error, at most `TAIL_LINES`. */
  readonly stderr: readonly string[];
  readonly #command: string;
  readonly #wasKilled: boolean;

  constructor(type: string, end: ProcessEnd, output: Pick<ProcessError, 'stdout' | 'stderr'>) {
    const how = end.signal === null ? `exited with code ${end.exitCode}` : `was ended by ${end.signal}`;
    super(`The ${type} command ${how}.${hint(end)}`);
    this.exitCode = end.exitCode;
    this.signal = end.signal;
    this.#command = type;
    this.#wasKilled = end.wasKilled === true;
    this.stdout = output.stdout;
    this.stderr = output.stderr;
  }

  get [DETAILS](): ErrorDetails {
    const wasKilled = this.#wasKilled ? { wasKilled: true } : {};
    return { command: this.#command, exitCode: this.exitCode, signal: this.signal, ...wasKilled };
  }
}

export type ProcessEnd = Pick<ProcessError, 'exitCode' | 'signal'> & {
  /** Whether tintype itself killed it, because of a second signal. */
  readonly wasKilled?: boolean;
};

/** The number of lines of each stream that an error keeps. */
export const TAIL_LINES = 20;

/** Explains exit codes that shells use by convention; 128 + n means that signal n ended the program. */
const hint = ({ exitCode, signal, wasKilled }: ProcessEnd): string => {
  if (wasKilled) return ' A second signal to tintype killed all that ran.';
  if (signal === 'SIGKILL' || exitCode === 137)
    return ' Something killed it; often that is the system, short of memory.';
  if (exitCode === 141)
    return ' By convention that means: a part of a pipe wrote to one that had ended, such as `head`.';
  if (exitCode === 127) return ' By convention that means: a program was not found. Install it, or correct PATH.';
  if (exitCode === 126) return ' By convention that means: a program may not be executed. Make it executable.';
  return '';
};

/** The interpreter of a command is not on this machine. */
export class ProcessNotFoundError extends TintypeError {
  override readonly name = 'ProcessNotFoundError';
  readonly code = 'PROCESS_NOT_FOUND';
  readonly programs: readonly string[];

  constructor(type: string, programs: readonly string[], options?: ErrorOptions) {
    super(
      `A ${type} task needs ${programs.join(' or ')}, which is not on the PATH. Install it, or correct PATH.`,
      options,
    );
    this.programs = programs;
  }
}

/** The interpreter exists, but the system could not start it with this command. */
export class ProcessStartError extends TintypeError {
  override readonly name = 'ProcessStartError';
  readonly code = 'PROCESS_NOT_STARTED';
}
