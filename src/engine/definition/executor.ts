import type { AbortError } from '../errors/errors.ts';
import type { TaskScope } from './task-function.ts';
import type { ItemScope } from './task-spec.ts';

/**
 * Performs attempts elsewhere: in other processes, on other machines. It takes the functions of tasks and of items, the
 * checks of sensors, and `over` functions. Nested jobs, external tasks, conditions and retries stay with the engine.
 *
 * For each attempt the engine calls `room`, then, in the same tick, `reserve`, which makes the task `running`; then, when
 * the journal has that, `perform` of the slot. A task stays `ready` until there is room for its tags. None of the
 * functions may call the engine back at once.
 */
export type Executor = {
  /**
   * Whether the executor performs the attempts of a task; if not, the engine does. Asked once for each task of a job, when
   * it first becomes ready. If it throws, the process warns, and the engine performs the attempts.
   */
  readonly takes: (task: ExecutorTask) => boolean;
  /** How many attempts with these tags may run at once, and how many do. The tags are sorted. Called often: keep it cheap. */
  readonly room: (tags: readonly string[]) => ExecutorRoom;
  /** Reserves a slot for one attempt. Called only if `room` has just said that there is one. */
  readonly reserve: (task: ExecutorTask) => ExecutorSlot;
  /**
   * Calls `listener` after more room has come: a worker has joined, a slot is free again. The engine looks at the tasks that
   * wait in the next turn of the event loop, once for all calls until then; and, without a call, whenever an attempt has
   * ended: free its slot before `perform` settles. Returns a function that ends that.
   */
  readonly onRoom: (listener: () => void) => () => void;
};

/** The slots of all workers that have certain tags. There is room while `taken` is below `size`. */
export type ExecutorRoom = { readonly size: number; readonly taken: number };

/** The slot of one attempt. The engine calls one of the two functions, once. */
export type ExecutorSlot = {
  /** Who is to perform the attempt, if that is known: `worker` of the event `ready → running`, and of the task's handle. */
  readonly worker?: string | undefined;
  /**
   * Performs the attempt. Resolves to what the function of the task returns: an output, also as `encodedOutput(text)`;
   * nothing; `notReady(…)`, `skip(…)`, `branch(…)`; of a sensor what its `check` returns, where nothing means `true`; of an `over` function the items.
   * Rejects with what the function throws (`errorFromData` revives that), or with an InterruptedError if the attempt was
   * lost: it is then repeated without using up a retry, up to `maxInterruptions` times.
   *
   * After an abort, the engine waits for the answer for `graceMs` of the job, and ignores it afterwards. The slot is the
   * executor's own from now on: `room` may count it until the work has really ended.
   */
  readonly perform: (assignment: Assignment) => unknown;
  /** Gives the slot back: the attempt ended before it was performed. */
  readonly release: () => void;
};

/**
 * What an executor knows of a task before it performs an attempt. Each field is made when it is read, of an assignment too:
 * take those that are needed by name, since a spread copies none.
 */
export type ExecutorTask = {
  readonly jobId: string;
  /** The outermost definition of the job: its name, and the SHA-256 of its structure in hex. */
  readonly definition: { readonly name: string; readonly fingerprint: string };
  /** Path of the task, as in events: `outer/inner`, `name[3]`. */
  readonly task: string;
  /**
   * The names of the tasks from the outermost definition to this one, `['outer', 'inner']`: where the definition has the
   * function. An instance of a fan-out has the names of the fan-out.
   */
  readonly names: readonly string[];
  /** Which function of the task the work is. */
  readonly call: 'run' | 'check' | 'over';
  /** The tags that a worker must have: the task's option `worker.tags`, sorted, without repetitions. */
  readonly tags: readonly string[];
  /** Whether the task, or one around it, was added to the running job, so that the definition does not have it. */
  readonly added: boolean;
};

/** One attempt that an executor performs. */
export type Assignment = ExecutorTask & {
  /** Number of the attempt, from 1. */
  readonly attempt: number;
  /**
   * What the function gets, without what `enrich` adds: `deps`, `ctx`, `item`, `idempotencyKey`, `checkpoint()`, `log`,
   * `progress` and the rest. Each part is made when it is read. `signal` costs an AbortController: prefer `onAbort`.
   */
  readonly scope: TaskScope & Partial<ItemScope<unknown>>;
  /** The input of the job, or of the nested job, that the task is in: the context before any output. */
  readonly input: Readonly<Record<string, unknown>>;
  /** Version of `scope.ctx`. Attempts of one job with the same version, and the same `input`, have the same context. */
  readonly contextVersion: number;
  /**
   * Calls back when the attempt has to stop: at once, if it has been aborted before. `reason.code` says why. Returns a
   * function that ends that. What `callback` throws becomes a warning.
   */
  readonly onAbort: (callback: (reason: AbortError) => void) => () => void;
  /**
   * Says that a result came after `perform` had settled, such as that of a worker taken for dead: publishes the event
   * `task.lateResult`. The result itself is not taken. Does nothing while the attempt lasts.
   */
  readonly lateResult: (outcome: 'succeeded' | 'failed') => void;
  /** Calls the function in this process, as without an executor, and returns what it returns. */
  readonly run: () => unknown;
};
