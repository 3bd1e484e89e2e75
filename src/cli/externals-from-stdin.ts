import { createInterface } from 'node:readline';
import { TintypeError } from '../engine/errors.ts';
import type { Job } from '../engine/job.ts';
import type { JobEvent } from '../events/event.ts';
import type { Mask } from '../executors/mask.ts';
import { parseOutput } from '../executors/output-error.ts';
import { taskOutput } from '../workflow/output.ts';
import type { Workflow } from '../workflow/schema.ts';
import type { CliIo } from './io.ts';

/** An external task for which nobody is there. */
export class UnattendedError extends TintypeError {
  override readonly name = 'UnattendedError';
  readonly code = 'UNATTENDED';
}

/**
 * Lets whoever writes to the standard input complete the external tasks of a job, a line for each: `approve`, or
 * `approve {"by": "me"}` with an output as JSON, or `approve fail too expensive`. When the input has ended, those that
 * still wait fail, unless another command can complete them, which `elsewhere` tells. The input is not touched where no task
 * is external.
 */
export const externalsFromStdin = (
  job: AnyJob,
  workflow: Workflow,
  open: CliIo['stdin'],
  print: (line: string) => void,
  mask: Mask,
  elsewhere?: (task: string) => string,
): { readonly stop: () => void } => {
  const names = workflow.tasks.filter(({ type }) => type === 'external').map(({ name }) => name);
  if (names.length === 0) return { stop: () => {} };
  const stdin = open?.();
  const described = new Map(workflow.tasks.map(({ name, description }) => [name, description]));
  const waiting = new Set<string>();
  let ended = stdin === undefined;

  const abandon = (name: string): void => {
    if (elsewhere) {
      print(`The standard input has ended: ${name} waits for that command.`);
      return;
    }
    job
      .task(name)
      .fail(
        new UnattendedError(
          `Nobody can complete "${name}": the standard input has ended. Run this from a terminal, or write the line ${name} to it.`,
        ),
      );
  };
  const announce = (name: string): void => {
    waiting.add(name);
    const what = described.get(name);
    const typed = ` Type "${name}" to complete it, "${name} JSON" with an output, "${name} fail REASON" to fail it.`;
    const way = ended && elsewhere ? '' : typed;
    print(`${name} waits${what === undefined ? '.' : `: ${what.replace(/(?<![.!?])$/, '.')}`}${way}`);
    if (elsewhere) print(`To complete ${name} from elsewhere: ${elsewhere(name)}`);
    else if (ended) queueMicrotask(() => abandon(name));
  };
  const events = job.events$.subscribe((event) => {
    if (event.type !== 'task.transition' || !names.includes(event.task)) return;
    if (event.to === 'ready') announce(event.task);
    else waiting.delete(event.task);
  });
  // A job that was resumed may have some that wait already.
  for (const name of names) if (job.task(name).state === 'ready') announce(name);
  const lines = stdin && createInterface({ input: stdin });
  lines?.on('line', (line) => {
    const refused = obey(job, names, mask.text(line.trim()));
    if (refused !== undefined) print(refused);
  });
  lines?.on('close', () => {
    ended = true;
    for (const name of [...waiting]) abandon(name);
  });
  return {
    stop: () => {
      events.unsubscribe();
      lines?.removeAllListeners('close');
      lines?.close();
      stdin?.destroy();
    },
  };
};

type AnyJob = Pick<Job, 'task'> & {
  readonly events$: { subscribe: (next: (event: JobEvent) => void) => { unsubscribe: () => void } };
};

/** What is wrong with a line, `undefined` if nothing is. */
const obey = (job: AnyJob, names: readonly string[], line: string): string | undefined => {
  if (line === '') return undefined;
  const name = names.filter((one) => line === one || line.startsWith(`${one} `)).sort((a, b) => b.length - a.length)[0];
  if (name === undefined) return `"${line}" names no external task. Those are ${names.join(', ')}.`;
  const rest = line.slice(name.length).trim();
  const reason = /^fail\b\s*(.*)$/.exec(rest)?.[1];
  try {
    if (reason !== undefined) job.task(name).fail(new Error(reason || 'It was failed by hand.'));
    else
      job
        .task(name)
        .complete(rest === '' ? undefined : (taskOutput(name)(parseOutput(rest, `The output of ${name}`)) as object));
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};
