import type { Catalog } from '../definitions/catalog.ts';
import { type Schedule, type ScheduleSource, scheduleOf } from './schedule.ts';

/** A schedule, and where it is defined. */
export type DefinedSchedule = {
  readonly schedule: Schedule;
  readonly source: ScheduleSource;
  /** The path of the workflow file within the folder. */
  readonly file?: string | undefined;
};

/** Returns the schedules of the workflow files of a catalog. */
export const fileSchedules = (catalog: Catalog): readonly DefinedSchedule[] =>
  [...catalog.entries().values()].flatMap(({ name: definition, source, file, loaded }) =>
    (loaded?.workflow.schedule ?? []).map(({ catchup_window, pause_on_failure, ...given }, index) => {
      const name = given.name ?? nameOf(definition, index);
      return {
        schedule: scheduleOf({
          ...given,
          overlap: given.overlap ?? loaded?.workflow.overlap,
          name,
          definition,
          catchupWindow: catchup_window,
          pauseOnFailure: pause_on_failure,
        }),
        source,
        file,
      };
    }),
  );

/** The name of a schedule without one: that of the workflow; the second of a file has a number. */
const nameOf = (workflow: string, index: number): string => {
  const number = index === 0 ? '' : `-${index + 1}`;
  const slug = workflow
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-/, '')
    .slice(0, MAX_NAME - number.length)
    .replace(/-$/, '');
  return (slug || 'schedule') + number;
};

const MAX_NAME = 63;
