/* What a service is made of. `service.ts` is what the routes work with, `server-options.ts` are its options. */

import type { Journal } from '../../engine/durable/journal.ts';
import type { Engine } from '../../engine/engine.ts';
import type { Clock } from '../../engine/time/clock.ts';
import type { Principal } from '../access/principal.ts';
import type { Sessions } from '../access/sessions.ts';
import type { SignInCodes } from '../access/sign-in-codes.ts';
import type { ServiceTokens } from '../access/tokens.ts';
import type { Catalog } from '../definitions/catalog.ts';
import type { Uploads } from '../definitions/uploads.ts';
import type { Documents } from '../documents/documents.ts';
import type { Feed } from '../feed/feed.ts';
import type { InTurn } from '../http/in-turn.ts';
import type { Overlaps } from '../jobs/overlaps.ts';
import type { Metrics } from '../metrics/server-families.ts';
import type { Schedules } from '../schedules/schedules.ts';
import type { ServiceStore } from '../store/service-store.ts';
import type { Topics } from '../topics/topics.ts';
import type { Units } from '../units/units.ts';
import type { DefinitionRuns } from '../view/definition-runs.ts';
import type { JobViews } from '../view/job-views.ts';
import type { ServerSettings } from './server-options.ts';

/** What the routes work with. */
export type Service = {
  readonly engine: Engine;
  readonly journal: Journal;
  readonly store: ServiceStore;
  readonly clock: Clock;
  readonly newId: () => string;
  readonly settings: ServerSettings;
  readonly tokens: ServiceTokens;
  readonly sessions: Sessions;
  readonly signInCodes: SignInCodes;
  /** Returns who has a token. `address`: that of the peer, if it is known. @throws HttpProblem */
  readonly tokenHolder: (secret: string, address: string | undefined) => Promise<Principal>;
  readonly catalog: Catalog;
  readonly uploads: Uploads;
  readonly documents: Documents;
  readonly topics: Topics;
  readonly schedules: Schedules;
  readonly overlaps: Overlaps;
  readonly units: Units;
  /** Throws if the database could not be written when that was tried last. @throws JournalError */
  readonly requireWritable: () => void;
  readonly views: JobViews;
  readonly runs: DefinitionRuns;
  readonly feed: Feed;
  /** The metrics of the server, as Prometheus reads them. */
  readonly exposition: Metrics['exposition'];
  /** Is told of each command of a unit. */
  readonly onCommand: (owner: string | undefined, type: string, status: number) => void;
  /** Changes to one job or topic wait for each other. */
  readonly inTurn: InTurn;
  /** Is told of what fails after the answer to a request has begun. */
  readonly onError: (error: unknown) => void;
  /** `starting`: interrupted jobs are being taken up. `closing`: `close` has been called. */
  readonly stage: () => 'starting' | 'ready' | 'closing';
};
