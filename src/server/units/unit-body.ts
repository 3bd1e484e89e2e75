import type { Plan } from '../../engine/definition/plan.ts';
import { parentPath } from '../../engine/durable/task-path.ts';
import type { FoundJob } from '../../engine/found-job.ts';
import type { JobRun } from '../../engine/model/run.ts';
import { errorToShow } from '../../engine/model/task-record.ts';
import { traceOfAttempt } from '../../engine/run/intercept.ts';
import type { ViewedTask } from '../../engine/views/job-view.ts';
import { boundedErrorData } from '../../events/error-data.ts';
import { jsonSafeOutput } from '../../events/json-safe.ts';
import { isTerminalJobState } from '../../events/states.ts';
import { isOfDocument } from '../documents/output-schema.ts';
import { errorBody } from '../jobs/error-body.ts';
import type { ClaimedUnitBody, UnitBody, UnitState } from '../schemas/unit.ts';
import { TOPIC } from '../topics/topics.ts';
import { definitionAt, depsOf, type LiveUnit, outputShown, priorityOf, stateOf, UNIT_STATE } from './find-unit.ts';
import { unitId } from './unit-id.ts';

/** Shows a unit of a job that runs here. */
export const bodyOfLive = (run: JobRun, unit: LiveUnit): UnitBody => {
  const { definition, path, task } = unit;
  const failure = task && errorToShow(task);
  const { id, jobId, task: around, name } = naming(run.id, path);
  // Begun with a spread, an object of so many keys takes V8 more time than all the rest of a claim.
  return {
    id,
    jobId,
    jobName: run.plan.name,
    task: around,
    name,
    topic: run.options.labels?.[TOPIC],
    owner: definition.external?.owner,
    state: stateOf(unit),
    attempt: task?.attempts ?? 0,
    worker: task?.attempt && task.worker,
    leaseEndsAt: task?.attempt && task.leaseEndsAt,
    readySince: task?.queuedAt,
    priority: priorityOf(unit),
    description: definition.external?.description,
    data: definition.external?.data,
    deps: jsonSafeOutput(depsOf(unit)) as UnitBody['deps'],
    output: task?.state === 'completed' ? jsonSafeOutput(outputShown(definition, task.output)) : undefined,
    error: errorBody(failure && boundedErrorData(failure)),
  };
};

/** Adds the token of a claim to what is shown of its unit, and the trace of the attempt. */
export const claimed = (body: UnitBody, token: string, unit: LiveUnit | undefined): ClaimedUnitBody =>
  // A spread of so many keys takes V8 ten times as long.
  Object.assign(body, { token }, unit?.task && traceOfAttempt(unit.task));

/** Shows the units of a job that another process runs, or none. `plan`: of its definition, if that is known here. */
export const bodiesOfStored = (job: FoundJob, plan: Plan | undefined): readonly UnitBody[] => {
  const { tasks } = job.view({ outputs: true });
  const byPath = new Map(tasks.map((task) => [task.path, task]));
  // Of a task that was added, the events do not say of which kind it is.
  const isUnit = ({ kind, path }: ViewedTask): boolean =>
    kind === 'external' || (plan && definitionAt(plan, path))?.kind === 'external';
  return tasks.filter(isUnit).map((task) => bodyOfStored(job, plan, task, byPath));
};

const bodyOfStored = (
  job: FoundJob,
  plan: Plan | undefined,
  task: ViewedTask,
  byPath: ReadonlyMap<string, ViewedTask>,
): UnitBody => {
  const { path, parent, dependsOn, state, attempts, claim, readyAt, error, output } = task;
  const definition = plan && definitionAt(plan, path);
  const shown = (of: ViewedTask | undefined): unknown => {
    const known = of && plan && definitionAt(plan, of.path);
    return known ? outputShown(known, of.output) : of?.output;
  };
  const outer = isOfDocument(definition?.output) && parent !== undefined ? byPath.get(parent)?.dependsOn : undefined;
  const upstreams = [...(outer ?? []), ...dependsOn].map((upstream) => byPath.get(upstream));
  const completed = upstreams.filter((upstream) => upstream?.state === 'completed');
  return {
    ...naming(job.id, path),
    jobName: job.name,
    topic: job.labels[TOPIC],
    owner: definition?.external?.owner,
    state: storedState(job, state),
    attempt: attempts,
    worker: claim?.worker,
    readySince: readyAt,
    priority: definition?.priority ?? 0,
    description: definition?.external?.description,
    data: definition?.external?.data,
    deps: Object.fromEntries(completed.map((upstream) => [nameOf(upstream?.path ?? ''), shown(upstream)])),
    output: definition ? outputShown(definition, output) : output,
    error: errorBody(error),
    ...(job.runs === 'elsewhere' && { elsewhere: true }),
  };
};

/** Nobody can work on what no process runs. */
const storedState = ({ state: ofJob, runs }: FoundJob, state: ViewedTask['state']): UnitState => {
  if (isTerminalJobState(ofJob) && state === 'unscheduled') return 'cancelled';
  return state === 'ready' && (runs === 'nowhere' || ofJob === 'paused') ? 'paused' : UNIT_STATE[state];
};

const naming = (jobId: string, path: string): Pick<UnitBody, 'id' | 'jobId' | 'task' | 'name'> => ({
  id: unitId(jobId, path),
  jobId,
  task: parentPath(path),
  name: nameOf(path),
});

const nameOf = (path: string): string => path.slice(path.lastIndexOf('/') + 1);
