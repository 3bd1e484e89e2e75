import { TintypeError } from '../../engine/errors/errors.ts';
import { DETAILS, type ErrorDetails } from '../../events/error-data.ts';
import { type Application, logCommand, shownState } from './application.ts';

/** An application that failed, or was killed, although `spark-submit` exited with 0. */
export class SparkError extends TintypeError {
  override readonly name = 'SparkError';
  readonly code = 'SPARK_FAILED';
  /** Its id, such as `driver-20261130091502-0007`. */
  readonly application: string;
  /** Its last state, as Spark spells it. */
  readonly state: string;

  constructor(application: Application) {
    super(`The Spark application ended so: ${shownState(application)}. ${logCommand(application)}`);
    this.application = application.id;
    this.state = application.state as string;
  }

  get [DETAILS](): ErrorDetails {
    return { application: this.application, state: this.state };
  }
}
