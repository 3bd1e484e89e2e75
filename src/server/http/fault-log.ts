import { JournalError } from '../../engine/errors/errors.ts';
import { errorData } from '../../events/error-data.ts';
import type { Logger } from '../../events/logger.ts';
import { takesObjects } from '../../events/structured-logger.ts';
import { withoutSecrets } from '../access/token.ts';

export type FaultLog = {
  /** Logs why a request failed that was not to blame. What is wrong with the database is logged once for all requests. */
  readonly report: (error: unknown, requestId: string) => void;
  /** Is called when the database works: what goes wrong with it next is logged again. */
  readonly forget: () => void;
};

export const faultLog = (logger: Logger | undefined): FaultLog => {
  const known = new Set<string>();
  return {
    report: (error, requestId) => {
      if (error instanceof JournalError) {
        if (known.has(error.message)) return;
        known.add(error.message);
      }
      if (!logger) return;
      if (takesObjects(logger)) {
        const err = JSON.parse(withoutSecrets(JSON.stringify(errorData(error))));
        logger.error({ reqId: requestId, err }, `The request ${requestId} failed: ${err.message}`);
      } else logger.error(withoutSecrets(`The request ${requestId} failed: ${stackOf(error)}`));
    },
    forget: () => known.clear(),
  };
};

/** With the causes, of which a stack says nothing. */
const stackOf = (error: unknown): string => {
  if (!(error instanceof Error)) return String(error);
  const text = error.stack ?? String(error);
  return error.cause === undefined ? text : `${text}\nCaused by: ${stackOf(error.cause)}`;
};
