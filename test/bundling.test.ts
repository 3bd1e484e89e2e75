import { execFile } from 'node:child_process';
import { cpSync, mkdtempSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { build as esbuild } from 'esbuild';
import { build as vite } from 'vite';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { packedProject } from './support/packed-project.ts';

const root = join(import.meta.dirname, '..');
const manifest = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
  readonly exports: Readonly<Record<string, string | object>>;
};
const page = readFileSync(join(root, 'docs/bundling.md'), 'utf8');

/** A project with tintype, its dependencies and the bundlers, without optional peers. */
let project: string;
/** Where the bundles are: they can't import anything from there. */
const bundles = realpathSync(mkdtempSync(join(tmpdir(), 'tintype-bundles-')));
const run = promisify(execFile);

beforeAll(async () => {
  project = await packedProject(['esbuild', 'vite', 'tslib']);
  writeFileSync(join(project, 'workflow.yaml'), WORKFLOW);
}, 60_000);

afterAll(() => {
  for (const folder of [project, bundles]) rmSync(folder, { recursive: true, force: true });
});

const WORKFLOW = `
name: bundled
params: { word: aaa }
tasks:
  - { name: greet, type: bash, when: 'params.word.matches("^a+$")', command: echo hello, output: text }
  - { name: query, type: sql, database: "postgres://127.0.0.1:1/none", query: SELECT 1, continue_on_failure: true }
`;

/** For each entry point a program, and what it prints. */
const PROGRAMS: Readonly<Record<string, readonly [program: string, prints: string]>> = {
  '.': [
    `import { defineJob } from 'tintype';
    defineJob('bundled').task('a', () => ({ a: 1 })).start().orThrow().then(({ a }) => console.log(a));`,
    '1',
  ],
  './machines': [`import { taskMachine } from 'tintype/machines'; console.log(taskMachine.id);`, 'task'],
  './testing': [
    `import { virtualClock } from 'tintype/testing'; const clock = virtualClock();
    clock.advance(5).then(() => console.log(typeof clock.now()));`,
    'number',
  ],
  './svg': [
    `import { defineJob } from 'tintype'; import { toSvg } from 'tintype/svg';
    console.log(toSvg(defineJob('one').task('a', () => {}).seal()).slice(0, 4));`,
    '<svg',
  ],
  './sqlite': [
    `import { sqliteJournal } from 'tintype/sqlite'; const journal = sqliteJournal('jobs.db');
    Promise.resolve(journal.job('none')).then((job) => { console.log(job); journal.close(); });`,
    'undefined',
  ],
  './workflow': [
    `import { loadWorkflow } from 'tintype/workflow';
    loadWorkflow('workflow.yaml').then(({ definition }) => definition.start()).then(({ state, ctx, errors }) =>
      console.log(state, ctx.greet, errors[0].cause.cause.code));`,
    'completed hello SQL_DRIVER_MISSING',
  ],
  './server': [
    `import { memoryJournal } from 'tintype'; import { createServer } from 'tintype/server';
    const server = createServer({ journal: memoryJournal() });
    server.listen({ port: 0 }).then(async ({ url }) => {
      await server.ready;
      const { version, maxBodyBytes } = await (await fetch(url + '/api/v1/info')).json();
      const { status } = await fetch(url + '/docs/redoc.js');
      console.log(typeof version, maxBodyBytes, status < 500);
      await server.close();
    });`,
    'string 1048576 true',
  ],
  './pino': [`import { pinoEvents } from 'tintype/pino'; console.log(typeof pinoEvents);`, 'function'],
  './trace': [`import { chromeTrace } from 'tintype/trace'; console.log(chromeTrace([]).traceEvents.length);`, '0'],
  './otel': [
    `import('tintype/otel').catch(({ message }) => console.log(message));`,
    "tintype/otel needs the package @opentelemetry/api, which can't be loaded. Install it: npm install @opentelemetry/api",
  ],
  './prometheus': [
    `import { createEngine } from 'tintype'; import { prometheus } from 'tintype/prometheus';
    prometheus(createEngine()).register.metrics().then((text) => console.log(text.slice(0, 19)));`,
    '# HELP tintype_info',
  ],
  './inspect': [
    `import { inspectToFile } from 'tintype/inspect';
    inspectToFile('smoothie.jsonl').catch(({ code, message }) => console.log(code, message));`,
    "PEER_MISSING tintype/inspect needs the package @statelyai/inspect, which can't be loaded. Install it: npm install @statelyai/inspect",
  ],
  './client': [
    `import { createClient } from 'tintype/client';
    const answer = new Response('{"code":"JOB_NOT_FOUND","status":404}', { status: 404, headers: { 'tintype-api': 'v1', 'content-type': 'application/problem+json' } });
    createClient({ url: 'http://localhost:8080', fetch: async () => answer }).jobs.get('none').catch(({ code }) => console.log(code));`,
    'JOB_NOT_FOUND',
  ],
};

test('every entry point of package.json has a program here', () => {
  const doors = Object.keys(manifest.exports).filter((door) => typeof manifest.exports[door] === 'object');
  expect(Object.keys(PROGRAMS).sort()).toEqual(doors.sort());
});

/** Bundles a file of the project, and resolves to the path of the bundle. */
type Bundle = (entry: string, name: string) => Promise<string>;

const byEsbuild =
  (format: 'esm' | 'cjs'): Bundle =>
  async (entry, name) => {
    const outfile = join(bundles, format, `${name}.${format === 'esm' ? 'mjs' : 'cjs'}`);
    const alias = {
      rxjs: join(project, 'node_modules/rxjs/dist/esm/index.js'),
      yaml: join(project, 'node_modules/yaml/browser/index.js'),
    };
    const options = { bundle: true, platform: 'node', absWorkingDir: project, logLevel: 'silent' } as const;
    await esbuild({ ...options, entryPoints: [entry], outfile, format, alias });
    return outfile;
  };

const byVite: Bundle = async (entry, name) => {
  const outDir = join(bundles, 'vite', name);
  await vite({
    root: project,
    configFile: false,
    logLevel: 'silent',
    build: { ssr: entry, outDir, minify: false },
    ssr: { noExternal: true },
  });
  return join(outDir, `${name}.mjs`);
};

describe.each([
  ['esbuild to ESM', byEsbuild('esm')],
  ['esbuild to CommonJS', byEsbuild('cjs')],
  ['Vite for a server', byVite],
])('by %s', (_, bundle) => {
  test.each(Object.entries(PROGRAMS))('%s bundles without optional peers, and runs', async (door, [
    program,
    prints,
  ]) => {
    const name = door === '.' ? 'index' : door.slice(2);
    const entry = join(project, `${name}.mjs`);
    writeFileSync(entry, program);
    const file = await bundle(entry, name);
    const { stdout } = await run(process.execPath, ['--disable-warning=ExperimentalWarning', file], { cwd: project });
    expect(stdout.trim()).toBe(prints);
  });
});

describe('docs/bundling.md', () => {
  const blocks = [...page.matchAll(/^```js\n\/\/ (\S+)\n([\s\S]*?)^```/gm)];
  const printed = async (file: string): Promise<string> =>
    (await run(process.execPath, [file], { cwd: project })).stdout;

  beforeAll(() => {
    cpSync(join(root, 'docs/programs/bundling.ts'), join(project, 'app.ts'));
    for (const [, file, text] of blocks) writeFileSync(join(project, file as string), text as string);
  });

  test('has settings of esbuild that work', async () => {
    await run(process.execPath, ['build.mjs'], { cwd: project });
    expect(await printed('app.mjs')).toBe('Hello from one file.\n');
  });

  test('has settings of Vite that work', async () => {
    await run(process.execPath, ['node_modules/vite/bin/vite.js', 'build'], { cwd: project });
    expect(await printed('dist/app.mjs')).toBe('Hello from one file.\n');
  });
});
