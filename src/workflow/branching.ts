import { branch, directiveOf } from '../engine/definition/directive.ts';
import type { TaskFunction } from '../engine/definition/task-function.ts';
import { OutputError } from '../executors/process/output-error.ts';

/**
 * Returns a task function that runs, of the tasks after it, those whose names `run` puts out: a list, or one name. The
 * list is the output of the task, too.
 */
export const branching =
  (name: string, run: TaskFunction): TaskFunction =>
  async (scope) => {
    const output = await run(scope);
    if (directiveOf(output)) return output;
    const given = (output as Readonly<Record<string, unknown>> | undefined)?.[name] ?? [];
    const picks = (Array.isArray(given) ? given : [given]).filter((pick) => pick !== '');
    if (picks.every((pick) => typeof pick === 'string')) return branch(picks, { [name]: picks });
    throw new OutputError(
      'OUTPUT_UNREADABLE',
      `Task "${name}" has "branch" and put out ${JSON.stringify(given)}: expected the names of tasks that depend on it, a line each or as a list.`,
    );
  };
