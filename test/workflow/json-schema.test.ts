// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { workflowJsonSchema } from '../../src/workflow/json-schema.ts';
import { KEY_DESCRIPTIONS } from '../../src/workflow/key-descriptions.ts';
import { parseWorkflow } from '../../src/workflow/parse-workflow.ts';
import { tintype } from '../support/cli.ts';
import { violations } from '../support/json-schema-validator.ts';

const schema = workflowJsonSchema();

const said = (text: string): readonly string[] => violations(schema, parse(text, { merge: true }));

const root = join(import.meta.dirname, '../..');
const examples = ['examples', 'test/fixtures/workflow'].flatMap((folder) =>
  readdirSync(join(root, folder)).flatMap((file) => (file.endsWith('.yaml') ? [join(folder, file)] : [])),
);

describe('the JSON Schema of workflow files', () => {
  test.for(examples)('accepts %s', (file) => {
    expect(said(readFileSync(join(root, file), 'utf8'))).toEqual([]);
  });

  test('is what tintype schema prints', async () => {
    const { stdout, exitCode } = await tintype(['schema']);
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toEqual(JSON.parse(JSON.stringify(schema)));
    expect(schema.$schema).toBe('http://json-schema.org/draft-07/schema#');
  });

  test.for(
    [
      'name: w\ntasks: []',
      'name: w\nx-anchors: { a: [1] }\ntasks: []',
      'name: w\ntimeout: 1h\non_failure: abort\npools: { a: 1, b: { slots: 2, limit: 5, period: 1m } }\ntasks: []',
      'name: w\nparams: { a: 1, b: text, c: null, d: [1], e: { type: mapping, default: { a: 1 } }, f: { enum: [1, 2] } }\ntasks: []',
      'name: w\nschedule: 0 2 * * *\ntasks: []',
      'name: w\nparams: { day: }\nschedule: [{ every: 5m, name: a, overlap: queue, catchup: all, catchup_window: 2h, jitter: 0, pause_on_failure: 3, enabled: false, input: { params: { day: "${{ schedule.due }}" } } }, { cron: "@daily", timezone: Europe/Berlin, start: 2027-01-01T00:00:00Z, end: 2028-01-01T00:00:00+01:00, input: { params: { day: x } } }]\ntasks: []',
      'name: w\nworkers: 3\nlabels: { team: data }\nenv_file: [.env, { path: b.env, required: false }]\npath: [bin]\noverlap: queue\ntasks: []',
      'name: w\nsecrets: [A, B]\ntasks: []',
      'name: w\ndefaults: { runs_on: [eu] }\ntasks: [{ name: a, type: bash, command: x, runs_on: [gpu, zone/eu-1] }]',
      'name: w\nsecrets: { A: , B: { env: C }, D: { file: e } }\ntasks: []',
      'name: w\ndefaults: { env: { A: 1, B: true, C: "${{ ctx.c }}" }, cwd: x, shell: sh, max_retries: 2, max_interruptions: 0, timeout: 5 }\nmax_output_bytes: 1\ntasks: []',
      'name: w\ntasks: []\nhandlers: { success: [], failure: [{ name: f, type: bash, command: x }], always: [] }',
      ...[
        '{ name: a, type: bash, command: x, when: ctx.n > 1, trigger: one_done, dependencies: [b], priority: -1, retry: { backoff: linear, delay: 0, factor: 1.5, max_delay: 5m, jitter: true } }',
        '{ name: a, type: bash, command: x, shell: [bash, -c], args: [1, x, true], env: { A: 1.5 }, cwd: "${{ ctx.d }}", output: lines, map: { over: [1, { a: 2 }], concurrency: 3, rate_limit: { limit: 2, period: 1m }, max_failures: 5%, collect: false } }',
        '{ name: a, type: python, command: x, map: { over: ctx.rows } }',
        '{ name: a, type: node, module: x.mjs, export: run, deadline: 1.5h }',
        '{ name: a, type: http, url: "https://x/${{ ctx.id }}", method: POST, headers: { A: b }, query: { q: [a, b], r: 1 }, json: { a: ["${{ ctx.a }}"] }, expect_status: [200, 404], output: json }',
        '{ name: a, type: sql, database: x.db, query: SELECT ?, params: [1, null, "${{ ctx.a }}"] }',
        '{ name: a, type: sql, database: x.db, query: "SELECT :a", params: { a: 1 }, pool: p, slots: 2 }',
        '{ name: a, type: sensor, file: x, interval: 5s, backoff: exponential, factor: 2, max_interval: 1m, soft_fail: true }',
        '{ name: a, type: sensor, http: { url: x, expect_status: 204 } }',
        '{ name: a, type: sensor, sql: { database: x, query: SELECT 1 } }',
        '{ name: a, type: job, file: b.yaml, params: { a: [1], b: "${{ ctx.a }}" } }',
        '{ name: a, type: job, on_failure: drain, tasks: [{ name: b, type: job, tasks: [] }], handlers: { always: [] } }',
        '{ name: a, type: bash, command: x, map: { matrix: { a: [1], b: ctx.c }, include: [{ a: 1 }], exclude: "[]" } }',
        '{ name: a, type: external, heartbeat_timeout: 30s, on_missed_heartbeat: release, continue_on_failure: true }',
        '{ name: a, type: external, owner: legal, data: { pages: [1, null, { long: true }] } }',
      ].map((task) => `name: w\npools: { p: 2 }\ntasks: [${task}, { name: b, type: bash, command: x }]`),
    ].map((text) => [text] as const),
  )('accepts what the command accepts: %s', ([text]) => {
    expect(() => parseWorkflow(text, 'w.yaml')).not.toThrow();
    expect(said(text)).toEqual([]);
  });

  test.for(
    [
      '- a',
      'tasks: []',
      'name: w',
      'name: ""\ntasks: []',
      'name: 5\ntasks: []',
      'name: w\ntasks: {}',
      'name: w\ntask: []\ntasks: []',
      'name: w\ntasks: []\nmax_output_bytes: 0',
      'name: w\ntasks: []\nmax_output_bytes: 1e9',
      'name: w\ntasks: []\ntimeout: 0',
      'name: w\ntasks: []\ntimeout: soon',
      'name: w\ntasks: []\non_failure: stop',
      'name: w\ntasks: []\npools: { a: 0 }',
      'name: w\ntasks: []\npools: { a: { slot: 1 } }',
      'name: w\ntasks: []\nparams: { 1a: 1 }',
      'name: w\ntasks: []\nparams: { a: { typ: string } }',
      'name: w\ntasks: []\nparams: { a: { type: text } }',
      'name: w\ntasks: []\nsecrets: [1]',
      'name: w\ntasks: []\nsecrets: { A: { en: B } }',
      'name: w\ntasks: []\nhandlers: { fail: [] }',
      'name: w\ntasks: []\ndefaults: { command: x }',
      'name: w\ntasks: []\ndefaults: { env: { A: [1] } }',
      ...[
        '{}',
        '{ name: a, command: x }',
        '{ name: a, type: bsh, command: x }',
        '{ name: a, type: bash }',
        '{ type: bash, command: x }',
        '{ name: a, type: bash, command: x, max_retry: 1 }',
        '{ name: a, type: bash, command: x, max_retries: -1 }',
        '{ name: a, type: bash, command: x, max_retries: "1" }',
        '{ name: a, type: bash, command: x, dependencies: b }',
        '{ name: a, type: bash, command: x, continue_on_failure: yes }',
        '{ name: a, type: bash, command: x, trigger: all_good }',
        '{ name: a, type: bash, command: x, retry: { delay: -1 } }',
        '{ name: a, type: bash, command: x, output: yaml }',
        '{ name: a, type: bash, command: x, env: { "A=B": 1 } }',
        '{ name: a, type: bash, command: x, env: { A: null } }',
        '{ name: a, type: bash, command: x, shell: [] }',
        '{ name: a, type: bash, command: x, map: [1] }',
        '{ name: a, type: bash, command: x, map: { over: 5 } }',
        '{ name: a, type: bash, command: x, url: y }',
        '{ name: a, type: http }',
        '{ name: a, type: http, url: x, expect_status: 99 }',
        '{ name: a, type: sql, database: x }',
        '{ name: a, type: sensor, http: {} }',
        '{ name: a, type: job, file: 5 }',
        '{ name: a, type: job, tasks: [{ name: b }] }',
        '{ name: a, type: bash, command: x, map: { matrix: 5 } }',
        '{ name: a, type: external, pool: p }',
        '{ name: a, type: external, runs_on: [gpu] }',
        '{ name: a, type: bash, command: x, runs_on: [] }',
        '{ name: a, type: bash, command: x, runs_on: [a b] }',
        '{ name: a, type: bash, command: x, runs_on: gpu }',
        '{ name: a, type: external, owner: 5 }',
        '{ name: a, type: external, on_missed_heartbeat: retry }',
      ].map((task) => `name: w\ntasks: [${task}]`),
    ].map((text) => [text] as const),
  )('refuses what the command refuses: %s', ([text]) => {
    expect(() => parseWorkflow(text, 'w.yaml')).toThrow();
    expect(said(text)).not.toEqual([]);
  });

  test('describes every key, and only those there are', () => {
    const keys = new Map<string, unknown[]>();
    const collect = (node: unknown): void => {
      if (node === null || typeof node !== 'object') return;
      const { properties = {} } = node as { properties?: Readonly<Record<string, { description?: unknown }>> };
      for (const [key, { description }] of Object.entries(properties))
        keys.set(key, [...(keys.get(key) ?? []), description]);
      for (const inner of Object.values(node)) collect(inner);
    };
    collect(schema);
    for (const [key, descriptions] of keys) {
      for (const description of descriptions) expect(description, `of "${key}"`).toMatch(/^\S.+\.$/);
    }
    const unused = Object.keys(KEY_DESCRIPTIONS).filter((key) => !keys.has(key) && key !== 'x-' && !key.includes('.'));
    expect(unused).toEqual([]);
    expect(keys.size).toBeGreaterThan(50);
  });
});
