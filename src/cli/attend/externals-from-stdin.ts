import { createInterface } from 'node:readline';
import { withoutNumbers } from '../../engine/durable/task-path.ts';
import { TintypeError } from '../../engine/errors/errors.ts';
import type { Job } from '../../engine/job.ts';
import { isolatedObserver } from '../../events/isolate.ts';
import type { Mask } from '../../executors/mask/mask.ts';
import { parseOutput } from '../../executors/process/output-error.ts';
import { taskOutput } from '../../workflow/output.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import type { CliIo } from '../terminal/io.ts';
import { wordsOf, wrapText } from '../terminal/wrap-text.ts';
import type { Reporter } from './reporter.ts';

/** The error of an external task that nobody can complete, because the standard input has ended. */
export class UnattendedError extends TintypeError {
  override readonly name = 'UnattendedError';
  readonly code = 'UNATTENDED';
}

/**
 * Completes or fails external tasks by lines of the standard input: `approve`, `approve {"by": "me"}` (JSON output),
 * `approve fail too expensive`. When the input ends, waiting tasks fail; if `commandFor` is given, they keep waiting.
 */
export const externalsFromStdin = (
  job: Job,
  { externals, mask }: Pick<LoadedWorkflow, 'externals' | 'mask'>,
  open: CliIo['stdin'],
  { print, onInput, columns }: Pick<Reporter, 'print' | 'onInput'> & { readonly columns: number },
  commandFor?: (task: string) => string,
): { readonly stop: () => void } => {
  const names = [...externals.keys()].filter((name) => !name.includes('['));
  if (externals.size === 0) return { stop: () => {} };
  const stdin = open?.();
  const waiting = new Set<string>();
  let ended = stdin === undefined;

  const abandon = (name: string): void => {
    const message = `Nobody can complete "${name}": the standard input has ended. Run this from a terminal, or write the line ${name} to it.`;
    if (commandFor) print(`The standard input has ended: ${name} waits for that command.`);
    else job.task(name).fail(new UnattendedError(message));
  };
  const announce = (name: string): void => {
    waiting.add(name);
    const what = externals.get(withoutNumbers(name));
    const typed = ` Type "${name}" to complete it, "${name} JSON" with an output, "${name} fail REASON" to fail it.`;
    const way = ended && commandFor ? '' : typed;
    const line = `${name} waits${what === undefined ? '.' : `: ${what.replace(/(?<![.!?])$/, '.')}`}${way}`;
    for (const part of linesOf(line, columns)) print(part);
    if (commandFor) print(`To complete ${name} from elsewhere: ${commandFor(name)}`);
    else if (ended) queueMicrotask(() => abandon(name));
  };
  const events = job.events$.subscribe(
    isolatedObserver('The announcement of external tasks', (event) => {
      if (event.type !== 'task.transition' || !externals.has(withoutNumbers(event.task))) return;
      if (event.to === 'ready') announce(event.task);
      else waiting.delete(event.task);
    }),
  );
  // A resumed job may already have waiting tasks.
  for (const { path, state } of job.view().tasks)
    if (state === 'ready' && externals.has(withoutNumbers(path))) announce(path);
  const lines = stdin && createInterface({ input: stdin });
  lines?.on('line', (line) => {
    // Only a terminal echoes the line, which moves the cursor.
    if ((stdin as { readonly isTTY?: boolean } | undefined)?.isTTY) onInput?.();
    const refused = completeFromLine(job, [...new Set([...names, ...waiting])], mask.text(line.trim()));
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

const linesOf = (text: string, columns: number): readonly string[] =>
  columns === Number.POSITIVE_INFINITY
    ? [text]
    : wrapText(wordsOf(text), { columns, indents: ['', '  '], style: (_, word) => word, ellipsis: '…' });

/** Completes or fails the task that a line names. Returns what is wrong with the line, or `undefined`. */
const completeFromLine = (job: Job, names: readonly string[], line: string): string | undefined => {
  if (line === '') return undefined;
  const name = names.filter((one) => line === one || line.startsWith(`${one} `)).sort((a, b) => b.length - a.length)[0];
  if (name === undefined) return `"${line}" names no external task. Those are ${names.join(', ')}.`;
  const rest = line.slice(name.length).trim();
  const reason = /^fail\b\s*(.*)$/.exec(rest)?.[1];
  try {
    if (reason !== undefined) job.task(name).fail(new Error(reason || 'It was failed by hand.'));
    else job.task(name).complete(typedOutput(name, rest) as object);
    return undefined;
  } catch (error) {
    return (error as Error).message;
  }
};

/** Parses the JSON output that a user typed for the task at `path`; `undefined` for empty text. @throws OutputError */
export const typedOutput = (path: string, text: string, mask?: Mask): unknown =>
  taskOutput(path.slice(path.lastIndexOf('/') + 1))(parseOutput(text, `The output of ${path}`, mask));
