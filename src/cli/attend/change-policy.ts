import { type ChangePolicy, changeText, definitionChanges } from '../../engine/definition/definition-diff.ts';
import { definitionShape } from '../../engine/definition/definition-shape.ts';
import type { Plan } from '../../engine/definition/plan.ts';
import { PLAN } from '../../engine/definition/sealed.ts';
import type { Journal, JournalJob } from '../../engine/durable/journal.ts';
import type { DefinitionChange } from '../../engine/errors/errors.ts';
import type { JobDefinition } from '../../engine/job-definition.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { jobLabel } from '../stored/job-command.ts';
import { handlersIn, type ShapeTask, shapeTasks } from '../stored/shape-tasks.ts';
import { readStoredJob } from '../stored/stored-job.ts';
import { UsageError } from '../terminal/exit-code.ts';

/** Returns the engine's policy for a definition that may have changed. @throws UsageError if `policy` forbids this */
export const changePolicy = async (
  { stored, journal }: { readonly stored: JournalJob; readonly journal: Journal },
  definition: JobDefinition,
  policy: ChangePolicy = 'refuse',
): Promise<ChangePolicy> => {
  const plan = (definition as unknown as { readonly [PLAN]: Plan })[PLAN];
  const now = definitionShape(plan);
  const shape = now.fingerprint === stored.fingerprint ? undefined : await journal.shape(stored.fingerprint);
  if (policy === 'force' || shape === undefined) return policy;
  const changes = definitionChanges(shape, plan);
  const reportable = reportableChanges(changes, shapeTasks(shape) ?? [], shapeTasks(now.shape) ?? []);
  const title = `The workflow has changed since ${jobLabel(stored)} was started`;
  if (policy === 'refuse') throw changedError(`${title}:`, reportable.length > 0 ? reportable : changes, WAYS);
  const isOver = isTerminalJobState(stored.state);
  const { record } = await readStoredJob(journal, stored);
  const hasBegun = (task: string): boolean => (record.tasks.get(task)?.state ?? 'unscheduled') !== 'unscheduled';
  // In an ended job, handler changes that follow from added or removed tasks don't matter: handlers run again anyway.
  const late = (isOver ? reportable : changes).filter(({ kind, task }) => kind !== 'added' && hasBegun(task));
  if (late.length === 0) return isOver ? 'force' : policy;
  throw changedError(`${title}, and --changed accept does not go on, since these have begun:`, late, FORCE);
};

const changedError = (title: string, changes: readonly DefinitionChange[], way: string): UsageError =>
  new UsageError([title, ...changes.map((change) => `- ${changeText(change)}`), way].join('\n'));

const WAYS =
  '--changed accept goes on where no task that was removed or changed has begun, --changed force in any case.';

const FORCE = '--changed force goes on all the same.';

/** Returns the changes, except changed dependencies of handlers that only follow from added or removed tasks. */
const reportableChanges = (
  changes: readonly DefinitionChange[],
  before: readonly ShapeTask[],
  now: readonly ShapeTask[],
): readonly DefinitionChange[] => {
  const come = new Set(changes.flatMap(({ kind, task }) => (kind === 'changed' ? [] : [task])));
  const was = handlerNeeds(before);
  const is = handlerNeeds(now);
  const isImplied = ({ kind, task, what }: DefinitionChange): boolean => {
    const [needs, needsNow] = [was.get(task), is.get(task)];
    if (kind !== 'changed' || !what?.startsWith('depends on ') || !needs || !needsNow) return false;
    return [...needs, ...needsNow].every((need) => (needs.has(need) && needsNow.has(need)) || come.has(need));
  };
  return changes.filter((change) => !isImplied(change));
};

/** Returns the dependencies of each handler, by the handler's path. Includes the handlers of nested jobs. */
const handlerNeeds = (tasks: readonly ShapeTask[], prefix = ''): ReadonlyMap<string, ReadonlySet<string>> => {
  const handlers = new Set(handlersIn(tasks).handlers);
  return new Map(
    tasks.flatMap(({ name, dependsOn, job }) => [
      ...(handlers.has(name) ? [[prefix + name, new Set(dependsOn.map((need) => prefix + need))] as const] : []),
      ...handlerNeeds(job?.tasks ?? [], `${prefix}${name}/`),
    ]),
  );
};
