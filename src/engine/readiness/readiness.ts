import { ignoreRejection } from '../../events/thenable.ts';
import { TintypeError } from '../errors/errors.ts';

/** Id of what is checked. Printed as `namespace.name`; without a namespace, as the name alone. */
export type ReadinessId = string | { readonly namespace?: string | undefined; readonly name: string };

/** Returns `true` if ready, `false` if still in progress. `signal` aborts when the result is no longer needed. */
export type ReadinessFunction = (scope: { readonly signal: AbortSignal }) => boolean | PromiseLike<boolean>;

/** Result of a check. `id` is the id as it is printed. */
export type ReadinessResult =
  | { readonly state: 'ready' | 'inProgress'; readonly id: string; readonly error?: undefined }
  | { readonly state: 'error'; readonly id: string; readonly error: ReadinessError };

export type CheckOptions = {
  /** Ends the check with `READINESS_CANCELLED` when the signal aborts. */
  readonly signal?: AbortSignal | undefined;
};

/** The interface of both probers and pollers, so that one can replace the other. */
export type ReadinessChecker = {
  /** Runs the check. Resolves to an error if the function throws. Rejects with OptionError for invalid arguments. */
  readonly check: (id: ReadinessId, fn: ReadinessFunction, options?: CheckOptions) => Promise<ReadinessResult>;
};

export type ReadinessErrorCode = 'READINESS_ERROR' | 'READINESS_TIMEOUT' | 'READINESS_CANCELLED';

/** Why a check gave no result. `cause` is what the function threw, or the reason of the signal; unset for a timeout. */
export class ReadinessError extends TintypeError {
  override readonly name = 'ReadinessError';
  readonly code: ReadinessErrorCode;
  readonly id: string;

  constructor(code: ReadinessErrorCode, message: string, about: { readonly id: string; readonly cause?: unknown }) {
    super(message, 'cause' in about ? { cause: about.cause } : undefined);
    this.code = code;
    this.id = about.id;
  }
}

export const failedCheck = (error: ReadinessError): ReadinessResult => ({ state: 'error', id: error.id, error });

export const thrownCheck = (id: string, cause: unknown): ReadinessResult => {
  // A function may throw a promise, too, that nobody awaits.
  ignoreRejection(cause);
  return failedCheck(new ReadinessError('READINESS_ERROR', `readiness check error for ${id}`, { id, cause }));
};

export const idText = (id: ReadinessId): string => {
  if (typeof id === 'string') return id;
  return id.namespace ? `${id.namespace}.${id.name}` : id.name;
};
