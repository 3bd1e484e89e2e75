import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { type Client, createClient } from 'tintype/client';
import { afterAll, afterEach, beforeAll } from 'vitest';
import { type Started, start } from '../support/cli.ts';
import { bundlePrograms } from './bundle.ts';

export type Serving = Started & { readonly url: string; readonly port: string; readonly client: Client };

export type Programs = {
  /** Path of a bundled program. */
  readonly file: (program: string) => string;
  /** Starts one of the bundled programs: `tintype`, `worker`, `kitchen/cook` … */
  readonly run: (program: string, args: readonly string[], env?: Readonly<Record<string, string>>) => Started;
  /** Starts `tintype serve`; resolves when it is ready. */
  readonly serve: (db: string, options?: ServeOptions) => Promise<Serving>;
};

export type ServeOptions = {
  /** Default: a free one. */
  readonly port?: string;
  readonly args?: readonly string[];
  /** A command that starts the server, put before it. */
  readonly through?: readonly string[];
};

/** Programs for the tests of a file. Those that still run after a test are killed. */
export const programs = (): Programs => {
  let folder = '';
  beforeAll(async () => {
    folder = await bundlePrograms();
  }, 120_000);
  afterAll(() => folder && rmSync(folder, { recursive: true, force: true }));
  const running = new Set<Started>();
  afterEach(async () => {
    for (const { child, ended } of running) {
      child.kill('SIGKILL');
      await ended;
    }
    running.clear();
  });
  const kept = (started: Started): Started => {
    running.add(started);
    return started;
  };
  const file = (program: string): string => join(folder, 'dist/cli', `${program}.mjs`);
  const commandOf = (program: string, args: readonly string[]): [string, ...string[]] => [
    process.execPath,
    '--no-warnings',
    file(program),
    ...args,
  ];
  return {
    file,
    run: (program, args, env) => {
      const [command, ...rest] = commandOf(program, args);
      return kept(start(command, rest, env));
    },
    serve: async (db, { port = '0', args = [], through = [] } = {}) => {
      const serving = commandOf('tintype', ['serve', '--db', db, '--port', port, '--synchronous', 'normal', ...args]);
      const [command = '', ...rest] = [...through, ...serving];
      const started = kept(start(command, rest));
      const [, url = ''] = await started.line(/^Serving (http\S+), jobs in/m);
      await started.line(/^Ready: /m);
      return { ...started, url, port: new URL(url).port, client: createClient({ url, maxRetries: 20 }) };
    },
  };
};

/** Ends programs as a supervisor does, and resolves to their exit codes. */
export const stop = (...started: readonly Started[]): Promise<readonly number[]> =>
  Promise.all(
    started.map(async ({ child, ended }) => {
      child.kill('SIGTERM');
      return (await ended).exitCode;
    }),
  );

export const kill = async ({ child, ended }: Started): Promise<void> => {
  child.kill('SIGKILL');
  await ended;
};
