import type { TaskFunction } from '../../engine/definition/task-function.ts';
import { type ProcessOptionsOf, processTask } from './process.ts';

/** Makes a task that runs Python code with `python3`, or `python` if that is missing, unbuffered (`-u`). */
export const python = (code: string, options: ProcessOptionsOf = {}): TaskFunction =>
  processTask(
    {
      type: 'python',
      programs: ['python3', 'python'],
      args: ['-u', '-c', code],
      long: { text: code, args: (path) => ['-u', '-c', executing(path)] },
    },
    options,
  );

const executing = (path: string): string =>
  `exec(compile(open(${JSON.stringify(path)}, encoding="utf-8").read(), "<string>", "exec"))`;
