import { stat } from 'node:fs/promises';
import { notReady } from '../engine/definition/directive.ts';
import type { TaskFunction, TaskScope } from '../engine/definition/task-function.ts';

/** Makes a sensor's check that is ready when a file or folder exists at a path. Its output is the path. */
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
