import type { TaskFunction } from '../../engine/definition/task-function.ts';
import { type ProcessOptionsOf, processTask } from './process.ts';

/** Makes a task that runs Python code with `python3`, or `python` if that is missing, unbuffered (`-u`). */
export const python = (code: string, options: ProcessOptionsOf = {}): TaskFunction =>
  processTask({ type: 'python', programs: ['python3', 'python'], args: ['-u', '-c', code] }, options);
