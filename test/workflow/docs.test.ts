import { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { Writable } from 'node:stream';
import { Help } from 'commander';
import { describe, expect, test } from 'vitest';
import { createProgram } from '../../src/cli/program.ts';
import { VARIABLES } from '../../src/workflow/expression.ts';
import { workflowJsonSchema } from '../../src/workflow/json-schema.ts';
import { KEY_DESCRIPTIONS } from '../../src/workflow/key-descriptions.ts';

const read = (file: string): string => readFileSync(join(import.meta.dirname, '../..', file), 'utf8');

/** What a page has between backticks, cut at spaces, dots and the like. */
const named = (page: string): Set<string> =>
  new Set([...page.matchAll(/`([^`\n]+)`/g)].flatMap(([, code = '']) => code.split(/[^\w-]+/)));

describe('docs/workflows.md', () => {
  const names = named(read('docs/workflows.md'));

  test('has every key of a workflow file, which editors have too', () => {
    const keys = keysOf(workflowJsonSchema());
    expect(keys.size).toBeGreaterThan(50);
    for (const key of keys) {
      expect(names, key).toContain(key);
      expect(Object.keys(KEY_DESCRIPTIONS), key).toContain(key);
    }
  });

  test('has every value that a key may have by name', () => {
    const values = valuesOf(workflowJsonSchema());
    expect(values.size).toBeGreaterThan(20);
    for (const value of values) expect(names, value).toContain(value);
  });

  test('has what expressions read', () => {
    for (const variable of VARIABLES) expect(names).toContain(variable);
  });

  test('has every variable that a command finds', () => {
    for (const file of ['src/executors/process/data-files.ts', 'src/workflow/process-options.ts']) {
      for (const [variable] of read(file).matchAll(/TINTYPE_\w+/g)) expect(names, file).toContain(variable);
    }
  });

  test('has the code of every problem', () => {
    const codes = [...read('src/workflow/problem.ts').matchAll(/'([A-Z_0-9]+)'/g)].map(([, code = '']) => code);
    expect(codes.length).toBeGreaterThan(20);
    for (const code of codes.filter((code) => !['SEALED', 'INVALID_WORKFLOW'].includes(code))) {
      expect(names, code).toContain(code);
    }
  });
});

const io = { stdout: new Writable(), stderr: new Writable(), env: {}, signals: new EventEmitter() };
const program = await createProgram('0.0.0', { io, done: () => {} }, ['completion']);
const { commands } = program;

describe('docs/command-line.md', () => {
  const page = read('docs/command-line.md');

  test.each(
    commands.map((command) => [command.name(), command] as const),
  )('has every option of %s', (name, command) => {
    expect(page).toContain(`| \`tintype ${name}`);
    expect(read('README.md')).toContain(`| \`tintype ${name}`);
    const cells = [...page.matchAll(/^\| ([^|]*) \|/gm)].map(([, cell = '']) => cell.split(/[`, ]+/));
    for (const { short, long } of command.options) {
      const cell = cells.find((words) => words.includes(long ?? ''));
      expect(cell, long).toBeDefined();
      if (short) expect(cell, long).toContain(short);
    }
  });
});

test('the list of commands tells the arguments that each of them has', () => {
  const { subcommandTerm } = new Help();
  const listed = program.createHelp();
  for (const command of commands) expect(listed.subcommandTerm(command)).toBe(subcommandTerm(command));
});

/** The names of all properties, at any depth. */
const keysOf = (schema: unknown): Set<string> => {
  const keys = new Set<string>();
  visit(schema, ({ properties }) => {
    if (isMapping(properties)) for (const key of Object.keys(properties)) keys.add(key);
  });
  return keys;
};

/** The texts that are all that a key may be. */
const valuesOf = (schema: unknown): Set<string> => {
  const values = new Set<string>();
  visit(schema, ({ enum: all, const: only }) => {
    for (const value of [...(Array.isArray(all) ? all : []), only]) if (typeof value === 'string') values.add(value);
  });
  return values;
};

const visit = (value: unknown, see: (mapping: Readonly<Record<string, unknown>>) => void): void => {
  if (Array.isArray(value)) for (const item of value) visit(item, see);
  if (!isMapping(value)) return;
  see(value);
  for (const item of Object.values(value)) visit(item, see);
};

const isMapping = (value: unknown): value is Readonly<Record<string, unknown>> =>
  value !== null && typeof value === 'object' && !Array.isArray(value);
