import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Dashboard, Panel } from '@grafana/schema';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { parse } from 'yaml';
import { type ObservedServer, observedServer } from '../support/observed-scenario.ts';
import { type Prometheus, type Sample, startPrometheus } from '../support/prometheus.ts';
import { describeWithPrometheus } from '../support/promtool.ts';

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

/** Those that need no time; jobs fail for too short a time here. */
const RAISED = ['TintypeJournalErrors', 'TintypeLeasesLost', 'TintypeScheduleMissed'];

describeWithPrometheus('Prometheus scrapes a server, and', () => {
  let server: ObservedServer;
  let prometheus: Prometheus;
  /** What Grafana puts in for the variables of the dashboard. */
  const variables = new Map([
    ['__rate_interval', '5m'],
    ['__range', '15m'],
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
        timeout: 30_000,
        interval: 100,
      })
      .catch(async () => expect.fail(`${about} is answered ${JSON.stringify(await ask())}`));
  };

  beforeAll(async () => {
    server = await observedServer();
    await server.play();
    prometheus = await startPrometheus([new URL(server.url).host], [file('deploy/prometheus/rules.yml')]);
    await answered(() => prometheus.query('tintype_jobs_started_total'), 'the first scrape');
    await server.play();
    await answered(() => prometheus.query('rate(tintype_schedule_runs_total{outcome="started"}[5m]) > 0'), 'a rate');
  }, 120_000);
  afterAll(async () => {
    await prometheus?.stop();
    await server?.close();
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
    for (const selector of selectors(query)) await answered(() => prometheus.query(selector), selector);
  });

  test.each(queries)('docs/operations.md: %s has an answer', async (query) => {
    await answered(() => prometheus.query(withoutThreshold(query)), query);
  });

  test.each(rules)('the alert $alert has an answer, whether or not it fires', async ({ alert, expr }) => {
    await prometheus.query(expr);
    await answered(() => prometheus.query(withoutThreshold(expr)), alert);
    for (const selector of selectors(expr)) await answered(() => prometheus.query(selector), selector);
  });

  test('what has gone wrong raises alerts that say so', async () => {
    const firing = async (): Promise<Record<string, string | undefined>> =>
      Object.fromEntries(
        (await prometheus.alerts())
          .filter(({ state }) => state === 'firing')
          .map(({ labels, annotations }) => [labels.alertname, annotations.summary]),
      );
    await vi.waitFor(async () => expect(Object.keys(await firing())).toEqual(expect.arrayContaining(RAISED)), {
      timeout: 30_000,
    });
    expect(await firing()).toMatchObject({
      TintypeJournalErrors: expect.stringMatching(
        /^The database of 127\.0\.0\.1:\d+ failed in the last 15 minutes: \d of JOURNAL_LOCKED\.$/,
      ),
      TintypeLeasesLost: expect.stringMatching(
        /^Workers of press lost leases of units in the last 15 minutes: [12]\.$/,
      ),
      TintypeScheduleMissed: expect.stringMatching(
        /^Due times of the schedule each-minute for which no job started: \d missed\.$/,
      ),
    });
  });
});
