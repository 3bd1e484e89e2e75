import { stat } from 'node:fs/promises';
import { notReady } from '../engine/definition/answer.ts';
import type { TaskFunction, TaskScope } from '../engine/definition/task-function.ts';

/** A sensor's check of a path: ready, with the path, when something is there. */
export const fileReady =
  (path: (scope: TaskScope) => string): TaskFunction =>
  async (scope) => {
    const file = path(scope);
    try {
      await stat(file);
      return file;
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ENOENT' || code === 'ENOTDIR') return notReady(`${file} does not exist yet`);
      throw error;
    }
  };
