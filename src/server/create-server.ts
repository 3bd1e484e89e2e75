/* The service: jobs over HTTP. `create-server.ts` puts it together: an engine, a store for what is kept beside the jobs
 * (`store`), tokens (`access`), and an app with routes (`http`, `routes`), whose requests and answers `schemas` describe.
 * `service` is what the routes work with. */

import { randomUUID } from 'node:crypto';
import type { Server as HttpServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JournalJob } from '../engine/durable/journal.ts';
import { createEngine, type Engine } from '../engine/engine.ts';
import type { Recovery } from '../engine/engine-options.ts';
import { OptionError } from '../engine/errors/errors.ts';
import { optionProblem } from '../engine/errors/problem.ts';
import type { AnyDefinition } from '../engine/job-definition.ts';
import { errorData } from '../events/error-data.ts';
import { systemClock } from '../events/system-clock.ts';
import { VERSION } from '../telemetry/version.ts';
import { sessionsIn } from './access/sessions.ts';
import { signInCodes } from './access/sign-in-codes.ts';
import { withoutSecrets } from './access/token.ts';
import { type ServiceTokens, type Tokens, tokensIn } from './access/tokens.ts';
import { createCatalog } from './definitions/catalog.ts';
import { uploadsIn } from './definitions/uploads.ts';
import { workflowFolder } from './definitions/workflow-folder.ts';
import { documentsIn } from './documents/documents.ts';
import { createFeed } from './feed/feed.ts';
import { addApiDocument } from './http/api-document.ts';
import { createApp } from './http/app.ts';
import { authentication } from './http/authenticate.ts';
import { faultLog } from './http/fault-log.ts';
import { inTurn } from './http/in-turn.ts';
import { createListener } from './http/listener.ts';
import { requestLog } from './http/request-log.ts';
import { isLoopback } from './http/same-origin.ts';
import { keepHouse } from './jobs/housekeeping.ts';
import { createOverlaps } from './jobs/overlaps.ts';
import { keepTakingUp } from './jobs/take-up.ts';
import { ServerCounts } from './metrics/server-counts.ts';
import { countJournalError, measureServer } from './metrics/server-families.ts';
import { addColumnRoutes } from './routes/column-routes.ts';
import { addDefinitionRoutes } from './routes/definition-routes.ts';
import { addEventRoutes } from './routes/event-routes.ts';
import { addGeneralRoutes, requireReady } from './routes/general-routes.ts';
import { addJobControlRoutes } from './routes/job-control-routes.ts';
import { addJobRoutes } from './routes/job-routes.ts';
import { addJobViewRoutes } from './routes/job-view-routes.ts';
import { addScheduleRoutes } from './routes/schedule-routes.ts';
import { addSessionRoutes } from './routes/session-routes.ts';
import { addTokenRoutes } from './routes/token-routes.ts';
import { addTopicRoutes } from './routes/topic-routes.ts';
import { addUnitRoutes } from './routes/unit-routes.ts';
import { createSchedules } from './schedules/schedules.ts';
import { type ServerOptions, settingsOf } from './service/server-options.ts';
import type { Service } from './service/service.ts';
import { type ServerLease, takeServerLease } from './store/server-lease.ts';
import { storeOf } from './store/store-of.ts';
import { topicsIn } from './topics/topics.ts';
import { builtUi, uiFilesIn } from './ui/ui-files.ts';
import { uiPages } from './ui/ui-pages.ts';
import { planOf } from './units/plan-of.ts';
import { unitsOf } from './units/units.ts';
import { createDefinitionRuns } from './view/definition-runs.ts';
import { createJobViews } from './view/job-views.ts';

export type ListenOptions = {
  /** Default 8080; 0 takes a free one. */
  readonly port?: number | undefined;
  /** The address to listen on. Default 127.0.0.1. Any other than the loopback's needs a token. */
  readonly host?: string | undefined;
};

export type Server = AsyncDisposable & {
  /** Runs the jobs. What a program starts here is in all lists, and the other way round. */
  readonly engine: Engine;
  readonly tokens: Tokens;
  /**
   * Makes a link with which a browser signs in to the web UI as an admin, once and within a minute: the path to append to
   * the address of the server. Its session ends with a token of its own, `sign-in link`, after 12 h at most.
   * @throws JournalError
   */
  readonly signInPath: () => Promise<string>;
  /** Answers a request, so that the service can be mounted in another server. Answers 503 until the server is ready. */
  readonly fetch: (request: Request, env?: object) => Response | Promise<Response>;
  /**
   * Resolves when interrupted jobs are taken up, to those, and those that can't be. @throws JournalError if the jobs can't
   * be read, or another server has the database
   */
  readonly ready: Promise<Recovery>;
  /**
   * Listens. @throws OptionError if the address is not the loopback's and there is no token; JournalError as `ready`;
   * Error with the `code` of Node.js if the address can't be had, such as `EADDRINUSE`
   */
  readonly listen: (options?: ListenOptions) => Promise<{ readonly url: string }>;
  /**
   * Ends: new requests are refused, waiting ones answered, streams ended, jobs left for a later process. Running tasks
   * that have not ended after `graceMs` (default 10,000) are aborted. The journal stays open. Later calls wait for the first.
   */
  readonly close: (options?: { readonly graceMs?: number | undefined }) => Promise<void>;
};

/** Creates a server; it takes up interrupted jobs at once. @throws OptionError */
export const createServer = (options: ServerOptions): Server => createServerWith(options, builtUi());

/** Creates a server whose web UI is in a folder. @throws OptionError */
export const createServerWith = (options: ServerOptions, uiFolder: string | undefined): Server => {
  const { settings, engine: engineOptions } = settingsOf(options);
  const { journal } = options;
  const { clock = systemClock, logger } = engineOptions;
  const store = storeOf(journal);
  const kept = tokensIn(store, () => clock.now());
  const tokens: ServiceTokens = {
    ...kept,
    create: async (options) => {
      const made = await kept.create(options);
      if (settings.tokens !== false) units.endOpenClaims();
      return made;
    },
  };
  const catalog = createCatalog(settings.definitions);
  const documents = documentsIn(store, () => clock.now());
  const definitionOf = async (job: JournalJob): Promise<AnyDefinition | undefined> =>
    (await documents.definitionOf(job.id)) ?? catalog.entries().get(job.name)?.definition;
  const engine = createEngine({ ...engineOptions, definitions: definitionOf });
  const counts = new ServerCounts();
  const units = unitsOf({
    engine,
    journal,
    clock,
    planOf: (job) => planOf({ documents, catalog }, job),
    onClaim: (owner) => counts.claimed(owner),
  });
  let stage: ReturnType<Service['stage']> = 'starting';
  const newId = (): string => randomUUID();
  const uploads = uploadsIn(
    store,
    () => clock.now(),
    settings,
    (entries) => catalog.changed('upload', entries),
  );
  const folder =
    settings.workflows === undefined
      ? undefined
      : workflowFolder(settings.workflows, clock, (entries) => catalog.changed('file', entries), logger);
  let held: ServerLease | undefined;
  const requireWritable = (): void => held?.requireRenewed();
  const topics = topicsIn(store, () => clock.now());
  const schedules = createSchedules(
    {
      engine,
      journal,
      store,
      catalog,
      documents,
      topics,
      newId,
      clock,
      now: () => clock.now(),
      requireWritable,
      isLeft: (jobId) => taking.isLeft(jobId),
      logger,
    },
    settings.schedules,
  );
  const views = createJobViews(journal);
  const sessions = sessionsIn(store, tokens, () => clock.now());
  const codes = signInCodes(tokens, () => clock.now());
  const who = authentication({
    tokens,
    sessions,
    needed: settings.tokens ?? 'unless-none',
    requestsPerSecond: settings.requestsPerSecond,
  });
  const feed = createFeed({
    engine,
    journal,
    clock,
    tokens,
    sessions,
    areTokensOff: settings.tokens === false,
    logger,
    views,
    onSent: (at) => counts.eventLag.observe(Math.max(0, clock.now() - at) / 1000),
    onCut: () => counts.cut++,
  });
  const metrics = measureServer(counts, {
    engine,
    journal,
    units,
    schedules,
    streams: feed.streams,
    nodeMetrics: settings.nodeMetrics,
  });
  const service: Service = {
    engine,
    journal,
    store,
    clock,
    newId,
    settings,
    tokens,
    sessions,
    signInCodes: codes,
    tokenHolder: who.holderOf,
    catalog,
    uploads,
    documents,
    topics,
    schedules,
    overlaps: createOverlaps({ engine, journal, store, clock, logger }),
    units,
    requireWritable,
    inTurn: inTurn(),
    views,
    runs: createDefinitionRuns({ journal }),
    feed,
    exposition: metrics.exposition,
    onCommand: (owner, type, status) => counts.command(owner, type, status),
    onError: (error) => logger?.warn(withoutSecrets(`A stream ended: ${errorData(error).message}`)),
    stage: () => stage,
  };
  const faults = faultLog(logger);
  const api = createApp({
    authentication: who,
    once: { store, now: () => clock.now() },
    maxBodyBytes: settings.maxBodyBytes,
    newId,
    requireReady: () => requireReady(service),
    onFault: faults.report,
    onAnswer: (answered) => {
      counts.answered(answered);
      if (answered.status >= 500) countJournalError(counts, answered.error);
    },
    log: requestLog(logger),
    basePath: settings.basePath,
    pages: settings.ui
      ? uiPages(uiFolder === undefined ? undefined : uiFilesIn(uiFolder, settings.basePath))
      : undefined,
  });
  addGeneralRoutes(api, service);
  addSessionRoutes(api, service);
  addTokenRoutes(api, service);
  addDefinitionRoutes(api, service);
  addTopicRoutes(api, service);
  addJobRoutes(api, service);
  addJobViewRoutes(api, service);
  addColumnRoutes(api, service);
  addJobControlRoutes(api, service);
  addScheduleRoutes(api, service);
  addUnitRoutes(api, service);
  addEventRoutes(api, service);
  addApiDocument(api, VERSION);

  const lease = takeServerLease(store, clock, newId, () => void close(), faults.forget);
  const taking = keepTakingUp(service, logger);
  const ready = lease.then(async (taken) => {
    held = taken;
    await Promise.all([folder?.read(), uploads.read()]);
    await service.overlaps.read();
    const recovery = await taking.takeUp();
    service.overlaps.open();
    units.build();
    if (stage === 'starting') stage = 'ready';
    await schedules.open();
    return recovery;
  });
  ready.catch(() => {});

  const endHousekeeping = keepHouse(service, settings.pruneAfterMs, logger);

  const listening = new Set<HttpServer>();
  const listen = async ({ port = 8080, host = '127.0.0.1' }: ListenOptions = {}): Promise<{ readonly url: string }> => {
    await lease;
    if (!isLoopback(host) && settings.tokens !== false && !(await tokens.any())) throw noToken(host);
    const server = createListener(api);
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, host, resolve);
    });
    // A connection that can't be taken, as with too many open files, is no reason to end.
    server.on('error', (error) => logger?.warn(`A connection could not be taken: ${error.message}`));
    listening.add(server);
    const { port: taken } = server.address() as AddressInfo;
    return { url: `http://${host.includes(':') ? `[${host}]` : host}:${taken}` };
  };

  let closing: Promise<void> | undefined;
  const close = ({ graceMs = 10_000 }: { readonly graceMs?: number | undefined } = {}): Promise<void> => {
    stage = 'closing';
    units.close();
    folder?.close();
    endHousekeeping();
    taking.stop();
    service.overlaps.close();
    service.feed.close();
    closing ??= (async () => {
      // Until the jobs are left, whoever asks is told that the server ends.
      await schedules.close();
      await engine.close({ mode: 'drain', graceMs });
      metrics.close();
      await Promise.all([...listening].map(endConnections));
      const taken = await lease.catch(() => undefined);
      await taken?.release().catch((error) => logger?.warn(`The lease of the server stays: ${error}`));
    })();
    return closing;
  };

  return {
    engine,
    tokens,
    signInPath: async () => `${settings.basePath}/signin?code=${await codes.create()}`,
    fetch: api.fetch,
    ready,
    listen,
    close,
    [Symbol.asyncDispose]: () => close(),
  };
};

/** Ends the connections of a server: those that wait for an answer get it, if it comes within `LAST_ANSWERS_MS`. */
const endConnections = (server: HttpServer): Promise<void> =>
  new Promise((resolve) => {
    const idle = setInterval(() => server.closeIdleConnections(), 10);
    const last = setTimeout(() => server.closeAllConnections(), LAST_ANSWERS_MS);
    server.close(() => {
      clearInterval(idle);
      clearTimeout(last);
      resolve();
    });
  });

const LAST_ANSWERS_MS = 1_000;

const noToken = (host: string): OptionError =>
  new OptionError('The server', [
    optionProblem(
      'host',
      `It would listen on ${host}, where others can reach it, and there is no token. Make one first: tintype token create --role admin --name NAME.`,
    ),
  ]);
