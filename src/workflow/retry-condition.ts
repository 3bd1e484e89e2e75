import { HttpStatusError } from '../executors/http/error.ts';
import { ProcessError } from '../executors/process/error.ts';
import { ExpressionError } from './expression.ts';
import type { Workflow, WorkflowTask } from './schema.ts';

type Retry = Pick<NonNullable<WorkflowTask['retry']>, 'on_exit_codes' | 'if'>;

/**
 * Returns whether `retry.on_exit_codes` and `retry.if` allow another attempt after an error; both must. Undefined if there
 * are none. Those of `defaults` are for commands alone: other tasks have no exit code. The function throws ExpressionError.
 */
export const retryCondition = (
  task: WorkflowTask,
  defaults: Workflow['defaults'],
): ((error: unknown, attempt: number) => boolean) | undefined => {
  const { on_exit_codes: codes, if: condition }: Retry = isCommand(task.type)
    ? { ...defaults?.retry, ...task.retry }
    : (task.retry ?? {});
  if (!codes && !condition) return undefined;
  return (error, attempt) => {
    const end = endOf(error);
    if (codes && !codes.includes(end.exit_code as number)) return false;
    if (!condition) return true;
    const value = condition.evaluate({ ...end, attempt });
    if (typeof value === 'boolean') return value;
    throw new ExpressionError(
      `"retry.if" of task "${task.name}" is ${JSON.stringify(value)}: expected true or false. Compare it with something, such as ${condition.source} != null.`,
    );
  };
};

/** Whether a task is a command, whose attempts fail with an exit code. To a sensor other codes say "not yet". */
export const isCommand = (type: unknown): boolean => COMMANDS.has(type);

const COMMANDS: ReadonlySet<unknown> = new Set(['bash', 'python', 'node', 'spark']);

/** How an attempt ended. `null` for what it did not come to, such as the exit code after a timeout. */
const endOf = (error: unknown) => {
  // The error may be wrapped because the server asked for a wait.
  const answered = error instanceof HttpStatusError ? error : (error as Error | null)?.cause;
  const { exitCode, stdout, stderr } = error instanceof ProcessError ? error : NO_PROCESS;
  return {
    exit_code: exitCode,
    stdout: stdout.join('\n'),
    stderr: stderr.join('\n'),
    status: answered instanceof HttpStatusError ? answered.status : null,
  };
};

const NO_PROCESS = { exitCode: null, stdout: [], stderr: [] } as const;
