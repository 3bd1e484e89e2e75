import { readFileSync } from 'node:fs';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { fileURLToPath } from 'node:url';
import type { Dashboard, Panel } from '@grafana/schema';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { type Prometheus, type Sample, startPrometheus } from '../support/prometheus.ts';
import { describeWithPrometheus } from '../support/promtool.ts';
import { sampleExposition } from '../support/sample-exposition.ts';

const file = (name: string): string => fileURLToPath(new URL(`../../${name}`, import.meta.url));
const dashboard = JSON.parse(readFileSync(file('deploy/grafana/tintype.json'), 'utf8')) as Dashboard;
const panels = (dashboard.panels ?? []).flatMap((panel) =>
  ((panel as Panel).targets ?? []).map(({ expr, refId, instant }) => ({
    panel: `${panel.title} ${refId}`,
    expr: String(expr),
    instant: instant === true,
  })),
);
type Rule = { readonly alert: string; readonly expr: string };
const { groups } = parse(readFileSync(file('deploy/prometheus/rules.yml'), 'utf8')) as { groups: { rules: Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

const page = readFileSync(file('docs/operations.md'), 'utf8');
const queries = [...page.matchAll(/^```promql\n([\s\S]*?)^```/gm)].map(([, query = '']) => query.trim());

/** Without what they are compared with, expressions of alerts that do not fire have values, too. */
const withoutThreshold = (expr: string): string => expr.replaceAll(/ (?:>|==) [\d.]+/g, '');

/** Each selector of a series in an expression, by itself: `tintype_jobs{state="running"}`. */
const selectors = (expr: string): string[] =>
  expr.match(/\b(?:tintype_\w+|up)(?:\{(?:[^}"]|"(?:[^"\\]|\\.)*")*\})?/g) ?? [];

describeWithPrometheus('Prometheus scrapes a server, and', () => {
  let server: Server;
  let prometheus: Prometheus;
  /** What Grafana puts in for the variables of the dashboard. */
  const variables = new Map([
    ['__rate_interval', '5s'],
    ['__range', '60s'],
  ]);
  const filled = (expr: string): string =>
    expr.replaceAll(/\$(\w+)/g, (_, name) => {
      const value = variables.get(name);
      if (value === undefined) throw new Error(`The dashboard has no variable ${name}: ${expr}`);
      return value;
    });

  /** Asks until the answer has a number, as that takes two scrapes; what there is then need not be the last word. */
  const answered = async (ask: () => Promise<readonly Sample[]>, about: string): Promise<void> => {
    await vi
      .waitUntil(async () => (await ask()).some(({ value }) => Number.isFinite(value)), {
        timeout: 10_000,
        interval: 100,
      })
      .catch(async () => expect.fail(`${about} is answered ${JSON.stringify(await ask())}`));
  };

  beforeAll(async () => {
    let scrape = 0;
    server = createServer((_, response) => response.end(sampleExposition(++scrape))).listen(0, '127.0.0.1');
    await new Promise((resolve) => server.once('listening', resolve));
    const { port } = server.address() as AddressInfo;
    prometheus = await startPrometheus([`127.0.0.1:${port}`], [file('deploy/prometheus/rules.yml')]);
    await answered(() => prometheus.query('rate(tintype_jobs_started_total[5s])'), 'the first rate');
  }, 60_000);
  afterAll(async () => {
    await prometheus?.stop();
    server?.close();
  });

  test('the variables of the dashboard have values', async () => {
    for (const { name, query } of dashboard.templating?.list?.slice(1) ?? []) {
      const [, selector = '', label = ''] = /^label_values\((.+), (\w+)\)$/.exec(filled(String(query))) ?? [];
      const values = await prometheus.labelValues(selector, label);
      expect(values, name).not.toEqual([]);
      // Grafana escapes the values that are chosen, for a regular expression in a text.
      const escaped = values.map((value) => value.replaceAll(/[\\^$.*+?()[\]{}|]/g, '\\\\$&').replaceAll('"', '\\"'));
      variables.set(name, `(${escaped.join('|')})`);
    }
  });

  test.each(panels)('the panel $panel has an answer', async ({ panel, expr, instant }) => {
    const query = filled(expr);
    await answered(() => (instant ? prometheus.query(query) : prometheus.queryRange(query, 10)), panel);
    for (const selector of selectors(query)) expect(await prometheus.query(selector), selector).not.toEqual([]);
  });

  test.each(queries)('docs/operations.md: %s has an answer', async (query) => {
    await answered(() => prometheus.query(withoutThreshold(query)), query);
  });

  test.each(rules)('the alert $alert has an answer, whether or not it fires', async ({ alert, expr }) => {
    await prometheus.query(expr);
    await answered(() => prometheus.query(withoutThreshold(expr)), alert);
    for (const selector of selectors(expr)) expect(await prometheus.query(selector), selector).not.toEqual([]);
  });
});
