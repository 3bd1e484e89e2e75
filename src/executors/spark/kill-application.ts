import { spawn } from 'node:child_process';
import { dirname, join } from 'node:path';
import type { TaskLogger } from '../../engine/definition/task-function.ts';
import { NO_MASK } from '../mask/mask.ts';
import { type ProcessGroup, processGroup } from '../process/group.ts';
import { KILL_GRACE_MS, type ProcessOptions } from '../process/process.ts';
import { inheritedEnv } from '../process/variables.ts';
import type { Application } from './application.ts';
import { confArguments, masterArguments, masterOf, type Submission } from './submission.ts';

export type KillContext = {
  readonly submission: Submission;
  /** `spark-submit`, followed by others to try if it is not installed. */
  readonly programs: readonly string[];
  readonly options: Pick<ProcessOptions, 'cwd' | 'env' | 'mask'>;
  readonly log: TaskLogger;
};

type KillCommand = readonly [program: string, ...args: string[]];

/** Kills an application by the first command that can, and logs how that went. Never rejects. */
export const killApplication = async (application: Application, context: KillContext): Promise<void> => {
  const { options, log } = context;
  const faults: string[] = [];
  const groups: ProcessGroup[] = [];
  let isKilled = false;
  for (const command of killCommands(application, context)) {
    const fault = await runCommand(command, options, groups);
    isKilled = fault === undefined;
    if (isKilled) break;
    faults.push(`${command.slice(0, 3).join(' ')}: ${fault}.`);
  }
  // Only now: once no group is left, the process may exit, and the next command would not start.
  for (const group of groups) group.release();
  if (isKilled) log.info(`Killed ${application.id}.`);
  else {
    const message = `${application.id} may still run: it could not be killed. ${faults.join(' ')}`;
    log.error((options.mask ?? NO_MASK).text(message));
  }
};

/**
 * Returns the commands that kill an application whose driver runs in the cluster, those first that suit best.
 * - YARN: `yarn application -kill ID`
 *   (https://hadoop.apache.org/docs/current/hadoop-yarn/hadoop-yarn-site/YarnCommands.html)
 * - Kubernetes: `spark-submit --kill namespace:pod --master k8s://…`, with the same properties as the submission
 *   (https://spark.apache.org/docs/latest/running-on-kubernetes.html, "Spark Application Management")
 * - standalone clusters: `spark-class org.apache.spark.deploy.Client kill MASTER ID`
 *   (https://spark.apache.org/docs/latest/spark-standalone.html, "Launching Spark Applications"), and
 *   `spark-submit --kill ID`, which asks the REST server of the master
 */
const killCommands = (
  { id, manager, isRest }: Application,
  { submission, programs }: KillContext,
): readonly KillCommand[] => {
  if (manager === 'yarn') return [['yarn', 'application', '-kill', id]];
  const more = [...masterArguments(submission), ...confArguments(submission)];
  const bySubmit = programs.map((program): KillCommand => [program, '--kill', id, ...more]);
  const master = masterOf(submission);
  if (manager !== 'standalone' || master === undefined) return bySubmit;
  const byClass = programs.map((program): KillCommand => {
    const script = program.includes('/') ? join(dirname(program), 'spark-class') : 'spark-class';
    return [script, 'org.apache.spark.deploy.Client', 'kill', master, id];
  });
  return isRest ? [...bySubmit, ...byClass] : [...byClass, ...bySubmit];
};

/** Runs a command for at most `KILL_MS`. Resolves to what went wrong, or `undefined`. Adds its process group. */
const runCommand = async (
  [program, ...args]: KillCommand,
  { cwd, env }: KillContext['options'],
  groups: ProcessGroup[],
): Promise<string | undefined> => {
  try {
    const child = spawn(program, args, {
      detached: true,
      stdio: ['ignore', 'ignore', 'pipe'],
      windowsHide: true,
      ...(cwd === undefined ? {} : { cwd }),
      env: { ...inheritedEnv(), ...env },
    });
    if (child.pid === undefined) {
      return await new Promise((resolve) => child.once('error', ({ message }) => resolve(message)));
    }
    const group = processGroup(child);
    groups.push(group);
    let said = '';
    child.stderr.on('data', (chunk) => {
      said = `${said}${chunk}`.slice(-MAX_SAID);
    });
    const timer = setTimeout(() => void group.end(KILL_GRACE_MS), KILL_MS);
    const code = await new Promise<number | null>((resolve) => child.once('exit', resolve));
    clearTimeout(timer);
    await group.end(KILL_GRACE_MS);
    child.stderr.destroy();
    if (code === 0) return undefined;
    return `exit code ${code}${said === '' ? '' : `, ${said.trim().split('\n').at(-1)}`}`;
  } catch (error) {
    return (error as Error).message;
  }
};

/** How long a command may take that kills an application, in ms: it starts a Java machine and asks a server. */
const KILL_MS = 60_000;

/** How much of what such a command says is kept, in UTF-16 units. */
const MAX_SAID = 2000;
