import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { fileURLToPath } from 'node:url';
import { rolldown } from 'rolldown';
import { describe, expect, test } from 'vitest';

const root = fileURLToPath(new URL('..', import.meta.url));
const src = join(root, 'src');

/** Each folder, and the folders that it may import from. Folders inside `engine`, `server` and `cli` have their own rows. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  events: [],
  wire: ['events'],
  machines: ['events'],
  engine: ['events', 'machines'],
  testing: ['events', 'machines', 'engine'],
  executors: ['events', 'machines', 'engine'],
  journal: ['events', 'machines', 'engine'],
  telemetry: ['events', 'machines', 'engine'],
  timing: [],
  workflow: ['events', 'machines', 'engine', 'executors', 'journal', 'timing'],
  server: ['events', 'machines', 'engine', 'executors', 'journal', 'telemetry', 'timing', 'workflow', 'wire'],
  client: ['server', 'wire'],
  cluster: ['events', 'machines', 'engine', 'executors', 'journal', 'workflow'],
  cli: ['events', 'machines', 'engine', 'executors', 'journal', 'telemetry', 'workflow', 'server', 'client', 'cluster'],
};

const BELOW_RUN = ['model', 'limits', 'definition', 'durable', 'errors', 'time'];

const BELOW_JOBS = ['documents', 'topics', 'definitions', 'http', 'schemas', 'access', 'store'];

/** Each folder inside `engine`, `server` and `cli`, and the folders beside it that it may import from. The files directly in them may import from all. */
const MAY_IMPORT_BESIDE: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  engine: {
    errors: [],
    time: [],
    durable: ['errors'],
    definition: ['durable', 'errors', 'time'],
    limits: ['definition', 'time'],
    readiness: ['definition', 'errors', 'time'],
    model: ['limits', 'definition', 'durable', 'errors', 'time'],
    run: BELOW_RUN,
    kinds: ['run', ...BELOW_RUN],
    views: ['run', ...BELOW_RUN],
    reactions: ['kinds', 'run', ...BELOW_RUN],
    recovery: ['reactions', 'kinds', 'run', ...BELOW_RUN],
  },
  server: {
    lists: [],
    metrics: [],
    store: [],
    access: ['store'],
    schemas: ['access'],
    http: ['schemas', 'access', 'store'],
    definitions: ['store'],
    documents: ['http', 'schemas', 'store'],
    topics: ['schemas', 'store'],
    ui: ['http'],
    jobs: BELOW_JOBS,
    view: [],
    feed: ['view', ...BELOW_JOBS],
    logs: ['feed', ...BELOW_JOBS],
    schedules: ['jobs', 'lists', ...BELOW_JOBS],
    units: ['jobs', 'lists', ...BELOW_JOBS],
    service: ['metrics', 'schedules', 'units', 'feed', 'view', 'jobs', ...BELOW_JOBS],
    routes: ['service', 'schedules', 'units', 'logs', 'feed', 'view', 'jobs', ...BELOW_JOBS],
  },
  cli: {
    terminal: [],
    completion: [],
    live: ['terminal'],
    drawing: ['terminal'],
    stored: ['terminal'],
    attend: ['live', 'stored', 'terminal'],
    serving: ['attend', 'stored', 'terminal'],
    remote: ['attend', 'stored', 'terminal'],
    commands: ['serving', 'remote', 'attend', 'live', 'drawing', 'stored', 'terminal'],
  },
};

/** The packages that importing the core may load. */
const CORE_PACKAGES = ['immer', 'rxjs', 'xstate'];

const files = readdirSync(src, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.ts'))
  .map((file) => join(src, file));

const codeOf = (file: string): string => readFileSync(file, 'utf8').replace(/\/\*[\s\S]*?\*\/|^\s*\/\/.*$/gm, '');

/** Import and export specifiers of a file, static and dynamic. */
const importsOf = (file: string): string[] => {
  return [...codeOf(file).matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)].map((match) => match[1] as string);
};

const folderOf = (file: string): string => {
  const [first = '', ...rest] = relative(src, file).split(sep);
  return rest.length === 0 ? 'door' : first;
};

/** The folder inside `engine`, `server` or `cli` that holds a file; undefined if it stands directly in them, or elsewhere. */
const subfolderOf = (file: string): string | undefined => {
  const [, second = '', ...rest] = relative(src, file).split(sep);
  return rest.length === 0 ? undefined : second;
};

const localImports = (file: string): string[] =>
  importsOf(file)
    .filter((specifier) => specifier.startsWith('.'))
    .map((specifier) => resolve(dirname(file), specifier));

describe('imports run one way', () => {
  test.each(files.map((file) => [relative(root, file), file]))('%s', (_name, file) => {
    const folder = folderOf(file);
    if (folder === 'door') return;
    expect(Object.keys(MAY_IMPORT)).toContain(folder);
    for (const target of localImports(file)) {
      const arrow = `${relative(root, file)} imports ${relative(root, target)}`;
      expect([folder, ...(MAY_IMPORT[folder] ?? [])], arrow).toContain(folderOf(target));
      const beside = MAY_IMPORT_BESIDE[folder];
      const subfolder = subfolderOf(file);
      if (beside === undefined || subfolder === undefined) continue;
      expect(Object.keys(beside)).toContain(subfolder);
      if (folderOf(target) === folder)
        expect([subfolder, ...(beside[subfolder] ?? [])], arrow).toContain(subfolderOf(target));
    }
  });
});

test('the web UI has of src, beside types, what both sides need of the wire, and the folding, layout and colours of pictures', () => {
  const ui = join(root, 'ui/src');
  const shared = /^src\/(wire\/|engine\/views\/(cell-grid|edge-path|fold|layout|palette)\.ts$)/;
  const taken = readdirSync(ui, { recursive: true, encoding: 'utf8' })
    .filter((file) => /\.tsx?$/.test(file))
    .flatMap((file) =>
      [...codeOf(join(ui, file)).matchAll(/^import (?!type\b)[^;]*? from '(\.[^']*)'/gm)].map(([, specifier = '']) =>
        relative(root, resolve(dirname(join(ui, file)), specifier)),
      ),
    )
    .filter((file) => file.startsWith('src/'));
  expect(taken.length).toBeGreaterThan(5);
  expect(taken.filter((file) => !shared.test(file))).toEqual([]);
});

/** The shortest circle through a graph of names, its first name repeated at its end; empty if there is none. */
const circleIn = (arrows: ReadonlyMap<string, ReadonlySet<string>>): readonly string[] => {
  let shortest: readonly string[] = [];
  for (const start of arrows.keys()) {
    const cameFrom = new Map<string, string>();
    const queue = [start];
    for (const name of queue) {
      for (const next of arrows.get(name) ?? []) {
        if (next === start) {
          const circle = [start];
          for (let step: string | undefined = name; step !== start; step = cameFrom.get(step as string))
            circle.unshift(step as string);
          circle.unshift(start);
          if (shortest.length === 0 || circle.length < shortest.length) shortest = circle;
        } else if (!cameFrom.has(next)) {
          cameFrom.set(next, name);
          queue.push(next);
        }
      }
    }
  }
  return shortest;
};

const arrowsBetween = (nameOf: (file: string) => string): Map<string, Set<string>> => {
  const arrows = new Map<string, Set<string>>();
  for (const file of files) {
    for (const target of localImports(file)) {
      const [from, to] = [nameOf(file), nameOf(target)];
      if (from === to && file !== target) continue;
      arrows.set(from, (arrows.get(from) ?? new Set()).add(to));
    }
  }
  return arrows;
};

test('no circle of files, types included', () => {
  const circle = circleIn(arrowsBetween((file) => relative(root, file)));
  expect(circle, circle.join(' → ')).toEqual([]);
});

test('no circle of folders, types included', () => {
  const doors = (file: string): boolean => folderOf(file) === 'door';
  const circle = circleIn(
    arrowsBetween((file) => (doors(file) ? relative(root, file) : relative(root, dirname(file)))),
  );
  expect(circle, circle.join(' → ')).toEqual([]);
});

test('only the doors re-export', () => {
  for (const file of files.filter((file) => folderOf(file) !== 'door')) {
    expect(readFileSync(file, 'utf8'), relative(root, file)).not.toMatch(/^export .* from '/m);
  }
});

test('the doors hold nothing but exports', () => {
  for (const file of files.filter((file) => folderOf(file) === 'door')) {
    const statements = readFileSync(file, 'utf8')
      .replace(/\/\*[\s\S]*?\*\//g, '')
      .replace(/export (?:type )?(?:\{[^}]*\}|\*) from '[^']+';/g, '');
    expect(statements.trim(), relative(root, file)).toBe('');
  }
});

test('importing the core loads xstate, rxjs and immer alone', () => {
  const seen = new Set<string>([join(src, 'index.ts')]);
  const packages = new Set<string>();
  for (const file of seen) {
    for (const target of localImports(file)) seen.add(target);
    for (const specifier of importsOf(file)) if (!/^(\.|node:)/.test(specifier)) packages.add(specifier);
  }
  expect([...packages].sort()).toEqual(CORE_PACKAGES);
});

test('a bundle of defineJob has nothing of durable and recovery but what jobs without a journal need', async () => {
  const entry = '\0entry';
  const bundle = await rolldown({
    input: entry,
    platform: 'node',
    external: CORE_PACKAGES,
    plugins: [
      {
        name: 'entry',
        resolveId: (id) => (id === entry ? id : null),
        load: (id) => (id === entry ? `export { defineJob } from ${JSON.stringify(join(src, 'index.ts'))};` : null),
      },
    ],
  });
  const { output } = await bundle.generate({ format: 'esm' });
  await bundle.close();
  const bundled = Object.entries(output[0].modules)
    .filter(([, { renderedLength }]) => renderedLength > 0)
    .map(([file]) => relative(join(src, 'engine'), file));
  expect(bundled).toContain('builder.ts');
  // The JSON of checkpoints and of changed limits, retries and reruns, and the port that a journal brings the rest by.
  expect(bundled.filter((file) => /^(durable|recovery)\b|kept/.test(file)).sort()).toEqual([
    'durable/encode-as.ts',
    'durable/error-revive.ts',
    'durable/output-parts.ts',
    'durable/serialise.ts',
    'durable/task-error-data.ts',
    'recovery/create-run.ts',
    'recovery/durability.ts',
    'recovery/retry-job.ts',
    'recovery/retry-plan.ts',
    'recovery/stored-options.ts',
    'recovery/task-from.ts',
  ]);
});

test('machines and engine are handed time and chance', () => {
  const reach =
    /\bDate\.now\b|\bnew Date\b|\bMath\.random\b|\bsetTimeout\b|\bsetInterval\b|\brandomUUID\b|\bperformance\b/;
  for (const file of files.filter((file) => ['machines', 'engine'].includes(folderOf(file)))) {
    expect(codeOf(file), relative(root, file)).not.toMatch(reach);
  }
});

test('every door named in package.json is a file of src', () => {
  const { exports } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as {
    exports: Record<string, string | { types: string; default: string }>;
  };
  for (const [door, target] of Object.entries(exports)) {
    if (typeof target === 'string') continue;
    const source = target.default.replace('./dist/', './src/').replace(/\.js$/, '.ts');
    expect(
      files.map((file) => `./${relative(root, file)}`),
      door,
    ).toContain(source);
    expect(target.types, door).toBe(target.default.replace(/\.js$/, '.d.ts'));
  }
});

test('commands load the client of the service for a server alone', () => {
  const commands = files.filter((file) => file.includes(join('cli', 'commands')) && !file.endsWith('-remote.ts'));
  const seen = new Set<string>(commands);
  for (const file of seen) {
    for (const [, specifier = ''] of codeOf(file).matchAll(
      /^(?:import|export)(?! type)(?:[^;']*? from)? '(\.[^']+)'/gm,
    ))
      seen.add(resolve(dirname(file), specifier));
  }
  expect([...seen].map(folderOf)).not.toContain('client');
  expect([...seen].map((file) => relative(src, file))).toContain(join('cli', 'stored', 'find-job.ts'));
});
