/* Spark applications. `spark.ts` runs `spark-submit` as a command of `process/`, with the arguments of `submission.ts`.
 * `application.ts` reads from what it prints which application it submitted and how that fares, and
 * `kill-application.ts` ends one that outlives its client. */

import { join } from 'node:path';
import type { TaskFunction, TaskLogger, TaskScope } from '../../engine/definition/task-function.ts';
import { NO_MASK } from '../mask/mask.ts';
import { inTurns, type ProcessOptions, processTask } from '../process/process.ts';
import {
  type Application,
  applicationReader,
  hasEnded,
  hasFailed,
  logCommand,
  outlivesClient,
  shownState,
} from './application.ts';
import { SparkError } from './error.ts';
import { killApplication } from './kill-application.ts';
import { type Submission, shownCommand, submitArguments, waitsForEnd } from './submission.ts';

export type SparkOptions = Omit<ProcessOptions, 'args'>;

/** What an attempt submits, and how the client runs. */
export type SparkAttempt = { readonly submission: Submission; readonly options?: SparkOptions };

/**
 * Makes a task that submits an application by `spark-submit` and lasts as long as that runs. Its progress tells the
 * state of the application and, from the driver's log, the tasks done in a stage. Lines of the log keep their level.
 *
 * If the attempt stops, or the client dies, while an application that outlives its client runs, that is killed too, and
 * the next attempt begins only then. The id is kept as the checkpoint, so that an attempt after a crash of this process
 * first kills what the one before it submitted.
 * @throws SparkError if the application failed although the client exited with 0, as it does in cluster mode on
 * standalone clusters and Kubernetes
 * @throws what `processTask` throws
 */
export const spark = (attemptOf: (scope: TaskScope) => SparkAttempt): TaskFunction => {
  /** Applications that need not be killed again. */
  const killed = new Set<string>();
  return inTurns(async (scope) => {
    scope.signal.throwIfAborted();
    const { submission, options = {} } = attemptOf(scope);
    const { log, signal } = scope;
    const mask = options.mask ?? NO_MASK;
    const programs = programsOf(options);
    const checkpoint = scope.checkpoint<Application | null>();
    const kill = async (application: Application): Promise<void> => {
      if (killed.has(application.id)) return;
      killed.add(application.id);
      await killApplication(application, { submission, programs, options, log });
    };

    const left = checkpoint.last;
    if (left && !killed.has(left.id)) {
      log.warn(`${left.id}, which an earlier attempt submitted, may still run. It is killed first.`);
      await kill(left);
      signal.throwIfAborted();
    }

    let killing: Promise<void> | undefined;
    const endApplication = (): void => {
      const { application } = reader;
      if (!application || hasEnded(application) || !outlivesClient(application, submission)) return;
      // In the turn of the news, so that this process does not exit between the client's end and the kill.
      killing ??= kill(application);
    };
    const reader = applicationReader((application, isNew) => {
      const { fraction = 0 } = application.stage ?? {};
      scope.progress(fraction, shownState(application));
      if (isNew && outlivesClient(application, submission)) checkpoint.save(application).catch(() => {});
      if (signal.aborted) endApplication();
    });
    signal.addEventListener('abort', endApplication, { once: true });
    try {
      const args = submitArguments(submission);
      log.info(mask.text(shownCommand(args)));
      const client = processTask({ type: 'spark', programs, args: [] }, { ...options, args, heard: reader.write });
      const output = await client({ ...scope, log: withLevels(log) });
      reader.end();
      const { application } = reader;
      if (application && hasFailed(application)) throw new SparkError(application);
      if (application && !hasEnded(application) && outlivesClient(application, submission)) {
        if (waitsForEnd(submission)) log.warn(leftRunning(application));
      }
      return output;
    } catch (error) {
      reader.end();
      endApplication();
      const { application } = reader;
      if (application && !signal.aborted && outlivesClient(application, submission)) log.info(logCommand(application));
      throw error;
    } finally {
      signal.removeEventListener('abort', endApplication);
      await killing;
      if (!signal.aborted && reader.application) await checkpoint.save(null).catch(() => {});
    }
  });
};

const programsOf = ({ env }: SparkOptions): readonly [string, ...string[]] => {
  const home = env?.SPARK_HOME ?? process.env.SPARK_HOME;
  return home ? [join(home, 'bin', 'spark-submit'), 'spark-submit'] : ['spark-submit'];
};

const leftRunning = (application: Application): string =>
  `spark-submit ended before the application: ${shownState(application)}. The task does not wait for it.`;

/** Gives lines of the standard error the level that Spark wrote into them; lines without one follow the line before. */
const withLevels = (log: TaskLogger): TaskLogger => {
  let level: keyof TaskLogger = 'warn';
  return {
    ...log,
    warn: (line, data) => {
      const word = LEVEL.exec(line)?.[1];
      if (word !== undefined) level = LEVELS[word] ?? level;
      log[level](line, data);
    },
  };
};

/** The level in a line of log4j, such as `26/11/30 09:15:02 INFO Client: …`, or in one of structured logging. */
const LEVEL = /^(?:[\d/.:,T+Z -]{8,32} \[?|\{.{0,80}"level":")(TRACE|DEBUG|INFO|WARN|ERROR|FATAL)\b/;

const LEVELS: Readonly<Record<string, keyof TaskLogger>> = {
  TRACE: 'debug',
  DEBUG: 'debug',
  INFO: 'info',
  WARN: 'warn',
  ERROR: 'error',
  FATAL: 'error',
};
