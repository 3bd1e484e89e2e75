import { pictureOfView } from '../../engine/views/picture/picture.ts';
import { viewOfRecord } from '../../engine/views/record-view.ts';
import { viewOfRecords } from '../../engine/views/view-of.ts';
import { type GraphOptions, graph, nameHandlers } from '../drawing/graph.ts';
import { markHandlers } from '../drawing/handlers.ts';
import { shapeDefinition } from '../stored/shape-definition.ts';
import { handlersIn } from '../stored/shape-tasks.ts';
import { shownState } from '../stored/shown-state.ts';
import type { StoredJob } from '../stored/stored-job.ts';
import { outlinesOf, storedCriticalPath } from '../stored/stored-progress.ts';
import { UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';

/** Draws a stored job in the colours of the states, and names its handlers. Resolves to the exit code. @throws JobDefinitionError */
export const drawStored = async (stored: StoredJob, options: GraphOptions, io: CliIo): Promise<number> => {
  const { job, shape, record } = stored;
  if (!shape) throw new UsageError('The journal does not say what the tasks of this job wait for.');
  const { handlers, others } = handlersIn(shape);
  const now = Date.now();
  const until = job.endedAt ?? (shownState(job) === 'interrupted' ? job.updatedAt : now);
  const all = shapeDefinition(job.name, shape, record);
  const view = markHandlers(viewOfRecords(all, record.tasks, until), new Set(handlers));
  const picture = () => {
    const { id, name, labels = {}, metadata = {} } = job;
    const recorded = { record, output: () => undefined };
    return pictureOfView(viewOfRecord({ id, name, labels, metadata }, recorded, outlinesOf(shape)), new Set(handlers));
  };
  const path = storedCriticalPath({ ...stored, shape: others }, until);
  const exitCode = await graph(shapeDefinition(job.name, others, record), options, io, view, picture, path);
  const states = new Map(view.tasks.map(({ name, state }) => [name, state]));
  if (options.format === 'text') {
    const shown = handlers.map((handler) => `${handler} (${states.get(handler)})`);
    nameHandlers(shown, options, io);
  }
  return exitCode;
};
