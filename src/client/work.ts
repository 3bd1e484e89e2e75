import type { z } from '@hono/zod-openapi';
import type * as schemas from '../server/schemas/unit.ts';
import { ServiceError } from './service-error.ts';

export type UnitInfo = z.infer<typeof schemas.UnitBody>;

/** A unit with the token of the claim. */
export type ClaimedUnit = z.infer<typeof schemas.ClaimedUnitBody>;

/** What a worker reports. */
export type UnitCommand = z.input<typeof schemas.Command>;

/** What a worker's handler gets with a unit. */
export type WorkScope = {
  /** Aborts when the unit is no longer this worker's, or when the work has to end. */
  readonly signal: AbortSignal;
  /** Reports progress. `fraction`: from 0 to 1. */
  readonly progress: (fraction: number, message?: string) => Promise<void>;
  readonly log: (level: 'debug' | 'info' | 'warn' | 'error', message: string, data?: unknown) => Promise<void>;
};

export type WorkOptions = {
  /** Whose units are done. */
  readonly owners: readonly string[];
  /**
   * Does a unit; what it returns is the unit's output. An error fails the attempt: one with `retryable: false` for good,
   * one with a `code` keeps that.
   */
  readonly handler: (unit: ClaimedUnit, scope: WorkScope) => unknown;
  /** Who works, for others to read. Default: `client`. */
  readonly worker?: string | undefined;
  /** Number of units done at once. Default 1. */
  readonly concurrency?: number | undefined;
  /** How long the service waits for a sign of life, in ms; the client gives one each third of it. Default 60,000. */
  readonly leaseMs?: number | undefined;
  /** Only units of jobs of these topics. Default: all. */
  readonly topics?: readonly string[] | undefined;
  /** Ends the work, as `stop` does. */
  readonly signal?: AbortSignal | undefined;
  /** Is told of what the work survives: a service that can't be reached, a unit that was lost. Default: nobody. */
  readonly onProblem?: ((error: Error, unit: ClaimedUnit | undefined) => void) | undefined;
};

export type Work = {
  /** Takes no more units, aborts the signals of those that are done, and gives back what does not end in `graceMs` (default 10,000). */
  readonly stop: (options?: { readonly graceMs?: number }) => Promise<void>;
  /** Resolves when the work has ended. Rejects if the service refuses it, as with a token that may not. */
  readonly done: Promise<void>;
};

type Units = {
  readonly claim: (
    body: {
      readonly owners: string[];
      readonly worker: string;
      readonly max: number;
      readonly waitMs: number;
      readonly leaseMs: number;
      readonly topics?: string[];
    },
    options: { readonly signal: AbortSignal },
  ) => Promise<{ readonly units: readonly ClaimedUnit[] }>;
  readonly command: (id: string, command: UnitCommand) => Promise<{ readonly unit: UnitInfo }>;
};

type Sleep = (ms: number, signal: AbortSignal | undefined) => Promise<void>;

/** Claims units of owners and does them, until it is stopped. */
export const startWork = (units: Units, sleep: Sleep, options: WorkOptions): Work => {
  const {
    owners,
    worker = 'client',
    concurrency = 1,
    leaseMs = 60_000,
    topics,
    handler,
    onProblem = () => {},
  } = options;
  const claiming = new AbortController();
  const running = new Map<Promise<void>, Doing>();
  /** Called when a unit has ended. A race of all that run would keep each of its rounds as long as the slowest unit. */
  let onFree = (): void => {};

  const claim = async (): Promise<readonly ClaimedUnit[]> => {
    const max = concurrency - running.size;
    const body = { owners: [...owners], worker, max, waitMs: WAIT_MS, leaseMs, ...(topics && { topics: [...topics] }) };
    return (await units.claim(body, { signal: claiming.signal })).units;
  };

  const loop = async (): Promise<void> => {
    while (!claiming.signal.aborted) {
      try {
        for (const unit of await claim()) {
          const doing = doUnit(units, sleep, unit, { handler, leaseMs, onProblem });
          running.set(doing.ended, doing);
          void doing.ended.then(() => {
            running.delete(doing.ended);
            onFree();
          });
        }
      } catch (error) {
        if (claiming.signal.aborted) break;
        if (error instanceof ServiceError && error.status >= 400 && error.status < 500 && error.status !== 429)
          throw error;
        onProblem(error as Error, undefined);
        await sleep(PAUSE_MS, claiming.signal).catch(() => {});
      }
      if (running.size >= concurrency)
        await new Promise<void>((resolve) => {
          onFree = resolve;
        });
    }
    await Promise.all(running.keys());
  };
  const done = loop();
  done.catch(() => {});

  let stopping: Promise<void> | undefined;
  const stop: Work['stop'] = ({ graceMs = 10_000 } = {}) => {
    stopping ??= (async () => {
      claiming.abort();
      for (const doing of running.values()) doing.abort();
      const late = new AbortController();
      await Promise.race([Promise.all(running.keys()), sleep(graceMs, late.signal).catch(() => {})]);
      late.abort();
      await Promise.all([...running.values()].map((doing) => doing.giveBack()));
      await done.catch(() => {});
    })();
    return stopping;
  };
  options.signal?.addEventListener('abort', () => void stop(), { once: true });
  if (options.signal?.aborted) void stop();
  return { stop, done };
};

/** How long the service may keep a claim waiting, in ms. */
const WAIT_MS = 30_000;

/** How long to wait after the service could not be reached, on top of what the requests themselves waited. */
const PAUSE_MS = 1000;

type Doing = {
  /** Resolves when the handler has ended and its outcome was told, or the unit was given back. */
  readonly ended: Promise<void>;
  readonly abort: () => void;
  /** Returns the unit to the service; what the handler still brings is dropped. */
  readonly giveBack: () => Promise<void>;
};

type DoOptions = Pick<WorkOptions, 'handler'> & {
  readonly leaseMs: number;
  readonly onProblem: NonNullable<WorkOptions['onProblem']>;
};

const doUnit = (units: Units, sleep: Sleep, unit: ClaimedUnit, { handler, leaseMs, onProblem }: DoOptions): Doing => {
  const { id, token } = unit;
  const scoped = new AbortController();
  const beating = new AbortController();
  let isOurs = true;
  let end = (): void => {};
  const ended = new Promise<void>((resolve) => {
    end = resolve;
  });

  /** Tells the service something, while the unit is ours. */
  const tell = async (command: UnitCommand): Promise<void> => {
    if (!isOurs) return;
    try {
      await units.command(id, { ...command, token });
    } catch (error) {
      onProblem(error as Error, unit);
      const isLost = error instanceof ServiceError && (error.status === 404 || error.status === 409);
      if (isLost) lose(error);
    }
  };
  const lose = (reason: unknown): void => {
    isOurs = false;
    scoped.abort(reason);
    finish();
  };
  const finish = (): void => {
    isOurs = false;
    beating.abort();
    end();
  };

  const beat = async (): Promise<void> => {
    for (;;) {
      await sleep(leaseMs / 3, beating.signal);
      await tell({ type: 'heartbeat' });
    }
  };
  beat().catch(() => {});

  const scope: WorkScope = {
    signal: scoped.signal,
    progress: (fraction, message) => tell({ type: 'progress', fraction, ...(message !== undefined && { message }) }),
    log: (level, message, data) => tell({ type: 'log', level, message, ...(data !== undefined && { data }) }),
  };
  const run = async (): Promise<void> => {
    let outcome: UnitCommand;
    try {
      const output = await handler(unit, scope);
      outcome = { type: 'success', ...(output !== undefined && { output }) };
    } catch (error) {
      outcome = failureOf(error);
    }
    await tell(outcome);
    finish();
  };
  void run();

  return {
    ended,
    abort: () => scoped.abort(new Error('The worker stops.')),
    giveBack: async () => {
      if (!isOurs) return;
      await tell({ type: 'release', reason: 'the worker stopped' });
      finish();
    },
  };
};

const failureOf = (error: unknown): UnitCommand => {
  const { message, code, retryable } = (error ?? {}) as {
    readonly message?: unknown;
    readonly code?: unknown;
    readonly retryable?: unknown;
  };
  return {
    type: 'error',
    message: (typeof message === 'string' && message) || String(error) || 'no message',
    ...(typeof code === 'string' && code !== '' && { code }),
    ...(retryable === false && { retryable }),
  };
};
