import { pathToFileURL } from 'node:url';
import type { TaskFunction } from '../../engine/definition/task-function.ts';
import { type ProcessOptionsOf, processTask } from './process.ts';

/**
 * Makes a task that runs JavaScript as an ES module in its own process, with this process's Node.js. The code has the
 * globals `ctx`, `params`, `item`, `index` and `output(value)`. Its imports are relative to its working directory.
 */
export const node = (code: string, options: ProcessOptionsOf = {}): TaskFunction =>
  processTask(
    {
      type: 'node',
      programs: [process.execPath],
      args: [IMPORT_GLOBALS, ...MODULE, '-e', code, '--'],
      long: { text: code, args: () => [IMPORT_GLOBALS, DROP_DASH, ...MODULE, '-'], asInput: true },
    },
    options,
  );

/**
 * Makes a task that calls a module's exported function in its own process, with `{ ctx, params, item, index, attempt,
 * jobId, taskName, signal, log }`. The output is what the function returns, or the export if it is no function.
 */
export const nodeModule = (path: string, name = 'default', options: ProcessOptionsOf = {}): TaskFunction => {
  const call = `${CALL}await call(${JSON.stringify(pathToFileURL(path).href)}, ${JSON.stringify(name)});`;
  return processTask({ type: 'node', programs: [process.execPath], args: [...MODULE, '-e', call, '--'] }, options);
};

const MODULE = ['--input-type=module'];

/** Code from the standard input has `-` as its first argument. */
const DROP_DASH = '--import=data:text/javascript,process.argv.splice(1,1)';

const READ = `import { readFileSync as read, writeFileSync as write } from 'node:fs';
const { TINTYPE_CONTEXT, TINTYPE_OUTPUT, TINTYPE_ITEM_FILE, TINTYPE_INDEX } = process.env;

const ctx = JSON.parse(read(TINTYPE_CONTEXT, 'utf8'));
const params = ctx.params ?? {};
const item = TINTYPE_ITEM_FILE === undefined ? undefined : JSON.parse(read(TINTYPE_ITEM_FILE, 'utf8'));
const index = TINTYPE_INDEX === undefined ? undefined : Number(TINTYPE_INDEX);
const output = (value) => { if (value !== undefined) write(TINTYPE_OUTPUT, JSON.stringify(value)); };
`;

const IMPORT_GLOBALS = `--import=data:text/javascript,${encodeURIComponent(
  `${READ}Object.assign(globalThis, { ctx, params, item, index, output });`,
)}`;

const CALL = `${READ}const call = async (url, name) => {
  const module = await import(url);
  if (!(name in module)) {
    throw new Error('The module has no export "' + name + '". It exports ' + (Object.keys(module).join(', ') || 'nothing') + '.');
  }
  const aborter = new AbortController();
  process.once('SIGTERM', () => aborter.abort());
  const log = { debug: console.log, info: console.log, warn: console.error, error: console.error };
  const { TINTYPE_ATTEMPT, TINTYPE_JOB_ID, TINTYPE_TASK } = process.env;
  const scope = { ctx, params, item, index, attempt: Number(TINTYPE_ATTEMPT), jobId: TINTYPE_JOB_ID, taskName: TINTYPE_TASK, signal: aborter.signal, log };
  const exported = module[name];
  output(typeof exported === 'function' ? await exported(scope) : exported);
};
`;
