import type { TaskLog } from '../../events/event.ts';

/** Returns what a task has logged as one text: the message and, if there is any, the data as JSON. */
export const logText = ({ message, data }: Pick<TaskLog, 'message' | 'data'>): string =>
  data === undefined ? message : `${message}${message === '' ? '' : ' '}${JSON.stringify(data)}`;
