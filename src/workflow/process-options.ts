import { delimiter, resolve } from 'node:path';
import type { TaskScope } from '../engine/definition/task-function.ts';
import type { bash } from '../executors/process/bash.ts';
import type { Data } from '../executors/process/data-files.ts';
import type { ProcessOptions } from '../executors/process/process.ts';
import type { Stdin } from '../executors/process/standard-streams.ts';
import { variableText } from '../executors/process/variables.ts';
import { successCodesOf } from './exit-codes.ts';
import type { ExpressionScope } from './expression.ts';
import { type BuildContext, expressionScope, type Scope } from './expression-scope.ts';
import type { TaskOfType } from './schema.ts';
import { textOf } from './template.ts';

/** The keys that all commands have. */
type ProcessKeys = Pick<
  TaskOfType<'bash'>,
  'env' | 'cwd' | 'args' | 'output' | 'stdin' | 'stdout' | 'stderr' | 'stop_signal' | 'exit_codes'
> & { readonly branch?: boolean | undefined };

/** Returns the function that evaluates how a command runs: its folder, arguments, variables and streams. */
export const processOptions = (
  task: ProcessKeys,
  context: BuildContext,
  isHandler: boolean,
): ((scope: TaskScope) => ProcessOptions) => {
  const { directory, variables, secrets, mask, gate, killGraceMs } = context;
  const { defaults } = context.workflow;
  const withPath = pathsOf(context);
  const cwd = textOf(task.cwd ?? defaults?.cwd ?? '.');
  const args = (task.args ?? []).map(textOf);
  const stdin = stdinOf(task.stdin, directory);
  const stdout = pathOf(task.stdout, directory);
  const stderr = pathOf(task.stderr, directory);
  const successCodes = successCodesOf(task.exit_codes);
  const env = Object.entries({ ...defaults?.env, ...task.env }).map(([name, value]) => [name, textOf(value)] as const);
  return (scope: Scope) => {
    const values = expressionScope(scope, context);
    return {
      cwd: resolve(directory, cwd(values)),
      args: args.map((arg) => arg(values)),
      env: withPath({
        ...variables,
        ...secrets,
        TINTYPE_JOB_NAME: variableText(context.workflow.name),
        ...(scope.index === undefined ? {} : { TINTYPE_INDEX: String(scope.index) }),
        ...(isHandler ? { TINTYPE_JOB_STATE: scope.outcome.state } : {}),
        ...Object.fromEntries(env.map(([name, value]) => [name, value(values)])),
      }),
      data: { ...itemData(scope), ...(isHandler ? errorData(scope) : {}) },
      stdin: stdin?.(values),
      stdout: stdout?.(values),
      stderr: stderr?.(values),
      successCodes,
      stopSignal: task.stop_signal,
      output: task.output ?? (task.branch === true ? 'lines' : undefined),
      maxOutputBytes: context.workflow.max_output_bytes,
      mask,
      gate,
      killGraceMs,
    };
  };
};

const stdinOf = (stdin: ProcessKeys['stdin'], directory: string): ((scope: ExpressionScope) => Stdin) | undefined => {
  if (stdin === undefined) return undefined;
  if (typeof stdin === 'string') {
    const text = textOf(stdin);
    return (scope) => ({ text: text(scope) });
  }
  const file = textOf(stdin.file);
  return (scope) => ({ file: resolve(directory, file(scope)) });
};

const pathOf = (path: string | undefined, directory: string): ((scope: ExpressionScope) => string) | undefined => {
  if (path === undefined) return undefined;
  const render = textOf(path);
  return (scope) => resolve(directory, render(scope));
};

/** Returns the function that puts the folders of `path` in front of those in which commands are found. */
const pathsOf = ({ workflow: { path }, directory }: BuildContext) => {
  const folders = (path === undefined ? [] : [path].flat()).map((folder) => resolve(directory, folder));
  return (env: Record<string, string>): Record<string, string> =>
    folders.length === 0
      ? env
      : { ...env, PATH: [...folders, env.PATH ?? process.env.PATH ?? ''].filter(Boolean).join(delimiter) };
};

const itemData = ({ item, index }: Scope): Data => (index === undefined ? {} : { TINTYPE_ITEM: { json: item } });

const errorData = ({ outcome: { error } }: Scope): Data =>
  error ? { TINTYPE_JOB_ERROR: { text: error.message } } : {};

/** Returns the program and flags for a command; `undefined` for plain bash. Known shells get `-e`: stop at an error. */
export const shellOf = (
  { shell: own }: Pick<TaskOfType<'bash'>, 'shell'>,
  { workflow }: BuildContext,
): Parameters<typeof bash>[2] => {
  const shell = own ?? workflow.defaults?.shell;
  if (shell === undefined || shell === 'bash') return undefined;
  if (typeof shell !== 'string') return shell as unknown as [string];
  return [shell, ...(/(^|\/)(sh|dash|ash|ksh|zsh)$/.test(shell) ? ['-e'] : []), '-c'];
};
