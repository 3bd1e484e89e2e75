import { TintypeError } from '../errors/errors.ts';

/** Id of what is checked. Printed as `namespace.name`, or as the name alone if the namespace is empty or absent. */
export type ReadinessId = string | { readonly namespace?: string | undefined; readonly name: string };

/**
 * Checks whether something is ready: returns `true` if it is, `false` if it is still in progress. `signal` aborts
 * when the result is no longer needed.
 */
export type ReadinessFunction = (scope: { readonly signal: AbortSignal }) => boolean | PromiseLike<boolean>;

/** Result of a check. `id` is the printed form. */
export type ReadinessResult =
  | { readonly state: 'ready' | 'inProgress'; readonly id: string; readonly error?: undefined }
  | { readonly state: 'error'; readonly id: string; readonly error: ReadinessError };

export type CheckOptions = {
  /** Ends the check with `READINESS_CANCELLED` when it aborts. Default none. */
  readonly signal?: AbortSignal | undefined;
};

/** The interface of both probers and pollers, so that one can replace the other. */
export type ReadinessChecker = {
  /**
   * Runs the check. Resolves even if the function throws: the result is then an error.
   * @throws OptionError (as a rejection) for invalid arguments
   */
  readonly check: (id: ReadinessId, fn: ReadinessFunction, options?: CheckOptions) => Promise<ReadinessResult>;
};

export type ReadinessErrorCode = 'READINESS_ERROR' | 'READINESS_TIMEOUT' | 'READINESS_CANCELLED';

/**
 * Why a check gave no result. `cause` is what the function threw, or the reason of the signal that aborted; a timeout
 * has none.
 */
export class ReadinessError extends TintypeError {
  override readonly name = 'ReadinessError';
  readonly code: ReadinessErrorCode;
  /** Printed id of what was checked. */
  readonly id: string;

  constructor(code: ReadinessErrorCode, message: string, about: { readonly id: string; readonly cause?: unknown }) {
    super(message, 'cause' in about ? { cause: about.cause } : undefined);
    this.code = code;
    this.id = about.id;
  }
}

export const failedCheck = (error: ReadinessError): ReadinessResult => ({ state: 'error', id: error.id, error });

/** Returns the result of a check whose function or checker threw. */
export const thrownCheck = (id: string, cause: unknown): ReadinessResult =>
  failedCheck(new ReadinessError('READINESS_ERROR', `readiness check error for ${id}`, { id, cause }));

/** Returns the printed form of an id. */
export const idText = (id: ReadinessId): string => {
  if (typeof id === 'string') return id;
  return id.namespace ? `${id.namespace}.${id.name}` : id.name;
};
