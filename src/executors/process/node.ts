import { pathToFileURL } from 'node:url';
import type { TaskFunction } from '../../engine/definition/task-function.ts';
import { MAX_JSON_DEPTH } from '../exact-json.ts';
import { ANSWER_FD, LINGER_MS, type ProcessOptionsOf, processTask } from './process.ts';
import type { StopSignal } from './stop-signals.ts';

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
 * jobId, taskName, signal, log }`. The output is what the function returns, or the export if it is no function; a promise
 * is awaited. The attempt fails if its process ends before that. `stopSignal`: the signal that aborts `signal`.
 */
export const nodeModule = (
  path: string,
  name = 'default',
  options: ProcessOptionsOf = {},
  stopSignal: StopSignal = 'SIGTERM',
): TaskFunction => {
  const given = [pathToFileURL(path).href, name, stopSignal].map((text) => JSON.stringify(text));
  const call = `${CALL}await call(${given.join(', ')});`;
  return processTask(
    { type: 'node', programs: [process.execPath], args: [...MODULE, '-e', call, '--'], answers: true },
    options,
  );
};

const MODULE = ['--input-type=module'];

/** Code from the standard input has `-` as its first argument. */
const DROP_DASH = '--import=data:text/javascript,process.argv.splice(1,1)';

/**
 * The start of the program. An output is kept as JSON keeps it; one that JSON would drop or change is refused, and the
 * file `$TINTYPE_OUTPUT.refused` says where. A property that is `undefined`, or of a list beside its items, counts as
 * absent, and -0 as 0.
 */
const READ = `import { readFileSync as read, rmSync as remove, writeFileSync as write } from 'node:fs';
const { TINTYPE_CONTEXT, TINTYPE_OUTPUT, TINTYPE_ITEM_FILE, TINTYPE_INDEX } = process.env;

const ctx = JSON.parse(read(TINTYPE_CONTEXT, 'utf8'));
const params = ctx.params ?? {};
const item = TINTYPE_ITEM_FILE === undefined ? undefined : JSON.parse(read(TINTYPE_ITEM_FILE, 'utf8'));
const index = TINTYPE_INDEX === undefined ? undefined : Number(TINTYPE_INDEX);

const refuse = (path, what) => {
  const at = path.replace(/^\\./, '');
  write(TINTYPE_OUTPUT + '.refused', JSON.stringify({ path: at, what }));
  throw new TypeError('The output can\\'t be kept as JSON: ' + (at && at + ': ') + what);
};
const stepTo = (key) => (/^[\\p{L}_$][\\p{L}\\p{N}_$-]*$/u.test(key) ? '.' + key : '[' + JSON.stringify(key) + ']');
const isPlain = (value) => {
  const prototype = Object.getPrototypeOf(value);
  return prototype === null || Object.getPrototypeOf(prototype) === null;
};
const requireJson = (given, path, key, around) => {
  let value = given;
  if (typeof value?.toJSON === 'function') {
    if (value instanceof Date && Number.isNaN(value.getTime())) refuse(path, 'an invalid date');
    value = value.toJSON(key);
  }
  if (typeof value === 'string' || typeof value === 'boolean' || value === null) return;
  if (typeof value === 'number' && Number.isFinite(value)) return;
  if (typeof value === 'function' || typeof value === 'symbol') refuse(path, 'a ' + typeof value);
  if (typeof value !== 'object') refuse(path, String(value) + (typeof value === 'bigint' ? ', a bigint' : ''));
  if (around.includes(value)) refuse(path, 'a circular reference');
  if (around.length > ${MAX_JSON_DEPTH}) return;
  const within = [...around, value];
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) requireJson(value[index], path + '[' + index + ']', String(index), within);
    return;
  }
  if (!isPlain(value)) refuse(path, 'an instance of ' + (value.constructor?.name || 'a class without a name'));
  for (const symbol of Object.getOwnPropertySymbols(value)) refuse(path + '[' + String(symbol) + ']', 'a symbol key');
  for (const [inner, part] of Object.entries(value)) {
    if (part !== undefined) requireJson(part, path + stepTo(inner), inner, within);
  }
};
const jsonOf = (value) => {
  requireJson(value, '', '', []);
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof RangeError) || !error.message.includes('call stack')) refuse('', error.message);
    refuse('', 'nested too deeply: more than ${MAX_JSON_DEPTH} lists or mappings within each other');
  }
};
const output = (value) => {
  if (value === undefined) return;
  write(TINTYPE_OUTPUT, jsonOf(value));
  remove(TINTYPE_OUTPUT + '.refused', { force: true });
};
`;

const IMPORT_GLOBALS = `--import=data:text/javascript,${encodeURIComponent(
  `${READ}Object.assign(globalThis, { ctx, params, item, index, output });`,
)}`;

/**
 * Calls the export. What the module leaves running after the answer, such as a timer or a pool of connections, has
 * `LINGER_MS` to end, and its errors are only printed. If it blocks this process, tintype ends it a little later.
 */
const CALL = `${READ}import { closeSync } from 'node:fs';
import { setTimeout } from 'node:timers';
const call = async (url, name, stopSignal) => {
  const module = await import(url);
  if (!(name in module)) {
    throw new Error('The module has no export "' + name + '". It exports ' + (Object.keys(module).join(', ') || 'nothing') + '.');
  }
  const aborter = new AbortController();
  process.once(stopSignal, () => aborter.abort());
  const log = { debug: console.log, info: console.log, warn: console.error, error: console.error };
  const { TINTYPE_ATTEMPT, TINTYPE_JOB_ID, TINTYPE_TASK } = process.env;
  const scope = { ctx, params, item, index, attempt: Number(TINTYPE_ATTEMPT), jobId: TINTYPE_JOB_ID, taskName: TINTYPE_TASK, signal: aborter.signal, log };
  const exported = module[name];
  const answer = await (typeof exported === 'function' ? exported(scope) : exported);
  if (answer === undefined) write(TINTYPE_OUTPUT, '', { flag: 'a' });
  else output(answer);
  closeSync(${ANSWER_FD});
  process.on('uncaughtException', (error) => console.error(error));
  setTimeout(() => process.exit(), ${LINGER_MS}).unref();
};
`;
