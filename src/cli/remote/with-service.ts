/* This folder works on the jobs of a server, of `--server`, by the client of the service; commands load it only then.
 * `with-service.ts` makes the client and reports what the server refuses. `service-source.ts` reads jobs as if they were in
 * a database, so that commands show them by the same code. */

import { type Client, createClient } from '../../client/client.ts';
import { ServiceError } from '../../client/service-error.ts';
import { type RunContext, withRunContext } from '../attend/run-context.ts';
import type { JobSource } from '../stored/job-source.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import type { ServerAddress } from '../terminal/server-address.ts';
import { serviceSource } from './service-source.ts';

/** What a command for jobs of a server works with. */
export type ServiceContext = RunContext & {
  readonly client: Client;
  readonly journal: JobSource & Required<Pick<JobSource, 'stream'>>;
  readonly server: ServerAddress;
};

/** Runs `work` with a client of a server, and reports what it refuses on stderr. Resolves to the exit code. */
export const withService = (
  server: ServerAddress,
  io: CliIo,
  work: (context: ServiceContext) => Promise<number>,
  { json }: { readonly json?: boolean | undefined } = {},
): Promise<number> =>
  withRunContext({ json: json === true }, io, async (context) => {
    const { url, token } = server;
    const client = createClient({ url, token, maxRetries: 2 });
    try {
      return await work({ ...context, client, journal: serviceSource(client, url), server });
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error;
      const { out, err } = context;
      out.flush();
      err.line(err.sanitize(`error: ${serviceErrorText(error, server)}`));
      return exitCodeOfRefusal(error);
    }
  });

/** 1 if it may go well another time or elsewhere, as when a database is locked; else 2. */
const exitCodeOfRefusal = ({ code, status }: ServiceError): number =>
  status === 0 || status === 429 || status >= 500 || NO_SERVICE.has(code) ? EXIT.failed : EXIT.usage;

/** What tells that a server has not the service that is asked for: it is none of tintype, or of another version. */
const NO_SERVICE: ReadonlySet<string> = new Set(['NO_PROBLEM', 'NO_SUCH_ROUTE', 'METHOD_NOT_ALLOWED']);

/** Returns one line: what the server answered, the code, and what helps. */
export const serviceErrorText = (error: ServiceError, { url, token }: ServerAddress): string => {
  const { code, status, problems } = error;
  const detail = status === 0 ? `There is no answer from ${url}${reasonOf(error)}.` : error.detail;
  const faults = problems.filter(({ message }) => !detail.includes(message)).map(faultText);
  const more = faults.length === 0 ? '' : ` ${faults.join(' ')}`;
  return `${detail} (${code})${more}${remedyOf(error, url, token !== undefined)}`.replace(/\s*\n\s*/g, ' ');
};

const faultText = ({ path, message }: ServiceError['problems'][number]): string =>
  `${path}: ${message}${/[.?!]$/.test(message) ? '' : '.'}`;

const remedyOf = ({ code, status }: ServiceError, url: string, hasToken: boolean): string => {
  if (code === 'NO_PROBLEM')
    return ` See that tintype serve is what answers at ${url}, and no other server or proxy before it.`;
  if (NO_SERVICE.has(code))
    return ` See that the tintype at ${url} is of this version, and that the address has no path too many.`;
  if (status === 0) return ' See that tintype serve runs there, and that --server names it.';
  if (status === 401)
    return hasToken
      ? ' See that the token is whole, and neither revoked nor expired.'
      : ' Give a token: in the variable TINTYPE_TOKEN, or by --token-file FILE.';
  if (status === 403) return ' Whoever runs the server can give a token for more: tintype token create.';
  return REMEDIES[code] ?? '';
};

/** What helps on the command line, where the answer says it in words of HTTP. */
const REMEDIES: Readonly<Record<string, string>> = {
  DEFINITION_CHANGED:
    ' --changed accept goes on where what was removed or changed has not begun, --changed force in any case.',
};

/** Returns why no answer came: the fetch of Node.js says so in the cause. */
const reasonOf = (error: Error): string => {
  let last: unknown = error;
  while (last instanceof Error && last.cause !== undefined) last = last.cause;
  const { code, message } = last as { readonly code?: unknown; readonly message?: unknown };
  const reason = code ?? message;
  return typeof reason === 'string' && last !== error ? `: ${reason.replace(/\.$/, '')}` : '';
};
