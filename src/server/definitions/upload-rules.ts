import type { ParsedWorkflow } from '../../workflow/parse-workflow.ts';
import type { WorkflowProblem } from '../../workflow/problem.ts';
import type { WorkflowTask } from '../../workflow/schema.ts';
import { tasksIn } from '../../workflow/tasks-in.ts';

/** What a client may upload. `external`: jobs and external tasks; `http`: also http, sql and sensors; `processes`: all. */
export type UploadLevel = 'none' | 'external' | 'http' | 'processes';

/**
 * What an uploaded workflow may not hold: tasks beyond the level, secrets that are not named, and files. A query of a
 * local database and a sensor of a file or a command use files and processes of the server.
 */
export const uploadProblems =
  (level: UploadLevel, secrets: readonly string[]) =>
  ({ workflow, problemAt }: ParsedWorkflow): readonly WorkflowProblem[] => {
    const problems: WorkflowProblem[] = [];
    const check = (task: WorkflowTask, at: readonly PropertyKey[]): void => {
      const needed = levelOf(task);
      if (LEVELS.indexOf(needed) <= LEVELS.indexOf(level)) return;
      const message = `Task "${task.name}" may not be uploaded: the server takes uploads of the level "${level}", and this needs "${needed}" (tintype serve --allow-upload=${needed}).`;
      problems.push(problemAt([...at, 'type'], 'INVALID_VALUE', message));
    };
    for (const [at, task] of tasksIn(workflow)) check(task, at);
    if (workflow.env_file !== undefined) {
      const message =
        'An uploaded file may not read files of the server, which "env_file" would. Put the values under "env" of "defaults".';
      problems.push(problemAt(['env_file'], 'INVALID_VALUE', message));
    }
    const declared = Array.isArray(workflow.secrets)
      ? workflow.secrets.map((name, index) => [name, undefined, index] as const)
      : Object.entries(workflow.secrets ?? {}).map(([name, from]) => [name, from, name] as const);
    for (const [name, from, at] of declared) {
      if (from?.file === undefined && secrets.includes(from?.env ?? name)) continue;
      const message = `The secret "${name}" may not be read by an uploaded file: the server gives it ${secrets.join(', ') || 'none'} (tintype serve --upload-secrets).`;
      problems.push(problemAt(['secrets', at], 'INVALID_VALUE', message));
    }
    return problems;
  };

const LEVELS: readonly UploadLevel[] = ['none', 'external', 'http', 'processes'];

const levelOf = (task: WorkflowTask): UploadLevel => {
  switch (task.type) {
    case 'external':
    case 'job':
      return 'external';
    case 'http':
      return 'http';
    case 'sql':
      return reachesServer(task.database) ? 'http' : 'processes';
    case 'sensor':
      if (task.command !== undefined || task.file !== undefined) return 'processes';
      return task.sql && !reachesServer(task.sql.database) ? 'processes' : 'http';
    default:
      return 'processes';
  }
};

/** Whether a database is on a server, whatever the values of expressions in its name are: its scheme stands there. */
const reachesServer = (database: string): boolean => /^(postgres|postgresql|mysql|mariadb):\/\//i.test(database);
