import type { JobEvent } from './event.ts';
import { type Logger, logLinesTo } from './logger.ts';
import { logObjectsTo, takesObjects } from './structured-logger.ts';

/** Creates a subscriber that logs the events of a job as the logger takes them: as objects, or as lines of text. */
export const logTo = (logger: Logger): ((event: JobEvent) => void) =>
  takesObjects(logger) ? logObjectsTo(logger) : logLinesTo(logger);
