/* What `tintype serve` does. This folder imports the server and the journal from the installed package, which the bundle
 * of the command line leaves outside (scripts/bundle-cli.mjs): modules of the user import `tintype`, and must share them.
 * `serve.ts` runs the server until a signal, `server-log.ts` prints what it logs, `module-definitions.ts` loads a module of definitions, `open-ui.ts` opens
 * a browser, `demo.ts` keeps the jobs of `demo-jobs.ts` going. */

import type { LogLevel } from '../../events/event.ts';
import { sqliteJournal } from '../../journal/sqlite-journal.ts';
import { createServer, type Server } from '../../server/create-server.ts';
import type { UploadLevel } from '../../server/definitions/upload-rules.ts';
import { isLoopback } from '../../server/http/same-origin.ts';
import { onInterrupts } from '../attend/interrupts.ts';
import { flushed, tracingIfRegistered } from '../attend/tracing.ts';
import { makeDefaultFolder } from '../stored/journal-file.ts';
import { withErrorReporting } from '../stored/with-journal.ts';
import { counted } from '../terminal/counted.ts';
import { DEFAULT_JOURNAL } from '../terminal/default-journal.ts';
import { EXIT, exitCodeOfSignal, UsageError } from '../terminal/exit-code.ts';
import { formatDuration } from '../terminal/format-time.ts';
import type { CliIo } from '../terminal/io.ts';
import { messagePrinter, printTogether } from '../terminal/json-messages.ts';
import type { Printer } from '../terminal/printer.ts';
import { shellQuoted } from '../terminal/shell-quoted.ts';
import { type Demo, demo, temporaryDatabase } from './demo.ts';
import { definitionsIn } from './module-definitions.ts';
import { openUi } from './open-ui.ts';
import { serverLog } from './server-log.ts';

export type ServeOptions = {
  readonly db: string;
  readonly host: string;
  readonly port: number;
  readonly synchronous: 'full' | 'normal';
  /** How many tasks run at once. */
  readonly workers: number;
  readonly workflows?: string;
  readonly module?: string;
  readonly allowUpload?: UploadLevel;
  readonly uploadSecrets?: readonly string[];
  /** In bytes. */
  readonly maxBody?: number;
  /** In ms. */
  readonly pruneAfter?: number;
  readonly basePath?: string;
  readonly metricsOpen?: boolean;
  readonly nodeMetrics?: boolean;
  /** Whether a browser is opened. */
  readonly open?: boolean;
  /** The least that is logged. Default `warn`, with `--log-format json` `info`. */
  readonly logLevel?: LogLevel;
  /** Whether jobs of a demonstration are served, of a temporary database. */
  readonly demo?: boolean;
  /** In ms. */
  readonly grace: number;
};

/** Serves a database until a signal. Resolves to the exit code. */
export const serve = (options: ServeOptions, io: CliIo): Promise<number> =>
  options.demo ? serveDemo(options, io) : serveDatabase(options, io);

/** Serves jobs that begin again and again, of a database that is removed at the end. */
const serveDemo = async (options: ServeOptions, io: CliIo): Promise<number> => {
  const { db, remove } = temporaryDatabase();
  try {
    return await serveDatabase({ ...options, db, grace: 0 }, io, demo(Math.random));
  } finally {
    remove();
  }
};

const serveDatabase = (options: ServeOptions, io: CliIo, shown?: Demo): Promise<number> =>
  withErrorReporting(io, async (plain, err) => {
    const out = messagePrinter(io, plain);
    const { db, synchronous, workers, workflows, module, allowUpload, uploadSecrets, maxBody, pruneAfter, basePath } =
      options;
    const { metricsOpen, nodeMetrics } = options;
    const definitions = module === undefined ? (shown?.definitions ?? []) : await definitionsIn(module);
    const tracing = await tracingIfRegistered(err);
    makeDefaultFolder(db);
    const journal = sqliteJournal(db, { synchronous });
    try {
      const server = createServer({
        journal,
        definitions,
        workflows,
        upload: allowUpload,
        uploadSecrets,
        maxBodyBytes: maxBody,
        pruneAfterMs: pruneAfter,
        basePath,
        metricsOpen,
        nodeMetrics,
        maxConcurrency: workers,
        intercept: tracing?.intercept,
        // Jobs of the demo fail on purpose.
        logger: shown ? undefined : serverLog(err, options.logLevel ?? (err.json ? 'info' : 'warn')),
      });
      if (tracing) server.engine.events$.subscribe(tracing);
      try {
        void server.ready.then(() => shown?.start(server.engine)).catch(() => {});
        return await serveUntilSignal(server, options, io, out, err, () => shown?.stop());
      } catch (error) {
        // The lease has to be given back before the journal closes.
        await server.close({ graceMs: 0 });
        throw error;
      } finally {
        // After a second signal nobody waits for it: the process exits.
        void server.close({ graceMs: 0 });
      }
    } finally {
      await flushed(tracing, err);
      await journal.close();
    }
  });

const serveUntilSignal = async (
  server: Server,
  { db, host, port, grace, basePath = '', open = false, demo: isDemo = false }: ServeOptions,
  io: CliIo,
  out: Printer,
  err: Printer,
  onEnding: () => void,
): Promise<number> => {
  let isEnding = false;
  let stopListening = (): void => {};
  const ended = new Promise<number>((resolve, reject) => {
    stopListening = onInterrupts(io, [
      (signal) => {
        isEnding = true;
        onEnding();
        err.line(`${signal}: what runs may take ${formatDuration(grace)} to end, then it is left for later.`);
        err.flush();
        server.close({ graceMs: grace }).then(() => resolve(exitCodeOfSignal(signal)), reject);
      },
      (signal) => resolve(exitCodeOfSignal(signal)),
    ]);
    server.engine.events$.subscribe({
      complete: () => {
        if (isEnding) return;
        err.line('error: Another server has taken the database, since this one did not write for long.');
        resolve(EXIT.failed);
      },
    });
  });
  ended.catch(() => {});
  try {
    if (!isLoopback(host) && !(await server.tokens.any())) throw new UsageError(withoutToken(host, db));
    const { url } = await listen(server, host, port);
    printTogether(out, [`Serving ${out.sanitize(url)}, jobs in ${out.sanitize(db)}.`], { url, db });
    out.flush();
    if (!isDemo && !(await server.tokens.any())) err.line(err.sanitize(openToAll(db)));
    const started = async (): Promise<number> => {
      await reportReady(server, out);
      if (open) await openUi(server, { url, basePath }, io, out, err);
      return ended;
    };
    return await Promise.race([ended, started()]);
  } catch (error) {
    // A signal may come before the server is ready.
    if (isEnding) return ended;
    throw error;
  } finally {
    isEnding = true;
    onEnding();
    stopListening();
  }
};

/** The server logs by itself which jobs it can't take up. */
const reportReady = async ({ ready }: Server, out: Printer): Promise<void> => {
  out.line(`Ready: ${counted((await ready).resumed.length, 'interrupted job')} taken up.`);
};

const listen = async (server: Server, host: string, port: number): Promise<{ readonly url: string }> => {
  try {
    return await server.listen({ host, port });
  } catch (error) {
    const { syscall, code = '', message } = error as NodeJS.ErrnoException;
    if (syscall === undefined) throw error;
    throw new UsageError(`${ADDRESS_ERRORS[code]?.(host, port) ?? `${message}.`} (${code})`);
  }
};

/** What is wrong with an address, and what to do, by the code of Node.js. */
const ADDRESS_ERRORS: Readonly<Record<string, (host: string, port: number) => string>> = {
  EADDRINUSE: (host, port) =>
    `The port ${port} of ${host} is in use. Name another one with --port, or 0 for one that is free.`,
  EACCES: (_host, port) =>
    `The port ${port} needs rights that this user does not have. Name one above 1023 with --port.`,
  EADDRNOTAVAIL: (host) => `${host} is no address of this machine. Name one with --host.`,
  ENOTFOUND: (host) => `Nobody knows the host ${host}. Name an address of this machine with --host.`,
};

const tokenCommand = (db: string): string =>
  `tintype token create --role admin${db === DEFAULT_JOURNAL ? '' : ` --db ${shellQuoted(db)}`}`;

const withoutToken = (host: string, db: string): string =>
  `On ${host} others could reach the server, and there is no token. Make one first: ${tokenCommand(db)}`;

const openToAll = (db: string): string =>
  `warning: There is no token: whoever uses this machine may do everything. Make one: ${tokenCommand(db)}`;
