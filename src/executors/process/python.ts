import type { TaskFunction } from '../../engine/definition/task-function.ts';
import { type ProcessOptionsOf, processTask } from './process.ts';

/** Runs Python code with `python3`, or `python` where that is missing; `-u` lets every line through as it is printed. */
export const python = (code: string, options: ProcessOptionsOf = {}): TaskFunction =>
  processTask({ type: 'python', programs: ['python3', 'python'], args: ['-u', '-c', code] }, options);
