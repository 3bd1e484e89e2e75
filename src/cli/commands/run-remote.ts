import { pair, paramsOfFile } from '../attend/params.ts';
import type { RunOptions } from '../attend/repeatable-options.ts';
import { type ServiceContext, withService } from '../remote/with-service.ts';
import { jobLabel } from '../stored/job-command.ts';
import { UsageError } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import type { ServerAddress } from '../terminal/server-address.ts';
import { type WatchRemoteOptions, watchRemote } from './watch-remote.ts';

export type RunRemoteOptions = WatchRemoteOptions & Pick<RunOptions, 'param' | 'paramsFile' | 'label' | 'key'>;

/** Starts a job of a definition of a server, and displays it. Resolves to the job's exit code. */
export const runRemote = (name: string, options: RunRemoteOptions, server: ServerAddress, io: CliIo): Promise<number> =>
  withService(
    server,
    io,
    async (context) => {
      if (/\.ya?ml$/i.test(name))
        throw new UsageError(
          `${name} is a file, and a server runs definitions that it has, by their names. Run the file without --server or TINTYPE_SERVER, or put it into the folder of the server, or upload it: PUT ${server.url}/api/v1/definitions/NAME.`,
        );
      const { workers: maxConcurrency, timeout: timeoutMs, onFailure, label = [], key: jobKey, quiet } = options;
      const input = await inputOf(name, options, context);
      const job = await context.client.jobs.start({
        definition: name,
        ...(input && { input }),
        ...(label.length > 0 && { labels: Object.fromEntries(label) }),
        ...(jobKey !== undefined && { jobKey }),
        options: {
          ...(maxConcurrency !== undefined && { maxConcurrency }),
          ...(timeoutMs !== undefined && { timeoutMs }),
          ...(onFailure && { onFailure }),
        },
      });
      const { err } = context;
      if (!quiet) {
        err.line(err.sanitize(`${jobLabel(job)} runs at ${server.url}. Ctrl-C leaves it there.`));
        err.flush();
      }
      return watchRemote(job, options, context);
    },
    options,
  );

/** Params go to a workflow file as they are typed, since it knows their types; of a program, what is JSON counts as that. */
const inputOf = async (
  name: string,
  { param = [], paramsFile }: RunRemoteOptions,
  { client }: ServiceContext,
): Promise<Record<string, unknown> | undefined> => {
  if (param.length === 0 && paramsFile === undefined) return undefined;
  const ofFile = paramsFile === undefined ? {} : await paramsOfFile(paramsFile);
  const typed = param.map(pair);
  const { source } = await client.definitions.get(name);
  return source === 'code'
    ? { ...ofFile, ...Object.fromEntries(typed.map(([key, text]) => [key, jsonOrText(text)])) }
    : { params: { ...ofFile, ...Object.fromEntries(typed) } };
};

const jsonOrText = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
};
