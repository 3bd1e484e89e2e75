import { TintypeError } from '../errors/errors.ts';

/** Who is asked: printed `namespace.name`, or the name alone where the namespace is empty. */
export type ReadinessId = string | { readonly namespace?: string | undefined; readonly name: string };

/** Looks whether something is there: `true` is ready, `false` in progress. Its `signal` aborts when nobody waits any more. */
export type ReadinessFunction = (scope: { readonly signal: AbortSignal }) => boolean | PromiseLike<boolean>;

/** What a check found; `id` is the printed one. */
export type ReadinessResult =
  | { readonly state: 'ready' | 'inProgress'; readonly id: string; readonly error?: undefined }
  | { readonly state: 'error'; readonly id: string; readonly error: ReadinessError };

export type CheckOptions = {
  /** Ends the check when it aborts. */
  readonly signal?: AbortSignal | undefined;
};

/** The shape of probers and pollers, so that one can stand where the other does. */
export type ReadinessChecker = {
  /** Resolves whatever the function does. @throws OptionError (as a rejection) for arguments that make no sense */
  readonly check: (id: ReadinessId, fn: ReadinessFunction, options?: CheckOptions) => Promise<ReadinessResult>;
};

export type ReadinessErrorCode = 'READINESS_ERROR' | 'READINESS_TIMEOUT' | 'READINESS_CANCELLED';

/** Why a check came to no answer. Its `cause` is what the function threw, or the reason of the signal that aborted. */
export class ReadinessError extends TintypeError {
  override readonly name = 'ReadinessError';
  readonly code: ReadinessErrorCode;
  /** Who was asked. */
  readonly id: string;

  constructor(code: ReadinessErrorCode, message: string, about: { readonly id: string; readonly cause?: unknown }) {
    super(message, 'cause' in about ? { cause: about.cause } : undefined);
    this.code = code;
    this.id = about.id;
  }
}

export const failedCheck = (error: ReadinessError): ReadinessResult => ({ state: 'error', id: error.id, error });

/** A check whose function or checker threw. */
export const thrownCheck = (id: string, cause: unknown): ReadinessResult =>
  failedCheck(new ReadinessError('READINESS_ERROR', `readiness check error for ${id}`, { id, cause }));

export const idText = (id: ReadinessId): string => {
  if (typeof id === 'string') return id;
  return id.namespace ? `${id.namespace}.${id.name}` : id.name;
};
