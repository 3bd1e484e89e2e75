import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import { describeWithPrometheus, promtool } from '../support/promtool.ts';

const folder = fileURLToPath(new URL('../../deploy/prometheus/', import.meta.url));

type Rule = {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
  readonly annotations: { readonly summary: string; readonly description: string; readonly runbook_url: string };
};
type Case = {
  readonly alert_rule_test: readonly { readonly alertname: string; readonly exp_alerts: readonly object[] }[];
};

const read = (file: string): unknown => parse(readFileSync(`${folder}${file}`, 'utf8'), { merge: true });
const { groups } = read('rules.yml') as { readonly groups: readonly { readonly rules: readonly Rule[] }[] };
const rules = groups.flatMap((group) => group.rules);

test('there are the eight alerts', () => {
  expect(rules.map(({ alert }) => alert).sort()).toEqual([
    'TintypeDown',
    'TintypeEventLag',
    'TintypeJobsFailing',
    'TintypeJournalErrors',
    'TintypeLeasesLost',
    'TintypeQueueWait',
    'TintypeScheduleMissed',
    'TintypeUnitsOld',
  ]);
});

const page = readFileSync(fileURLToPath(new URL('../../docs/operations.md', import.meta.url)), 'utf8');

describe.each(rules)('$alert', ({ alert, labels, annotations }) => {
  test('says what is wrong, what to do, and where that stands in full', () => {
    expect(annotations.summary).toMatch(/^\S.*\.$/);
    expect(annotations.description.length).toBeGreaterThan(80);
    expect(annotations.runbook_url).toBe(
      `https://github.com/tintype/tintype/blob/main/docs/operations.md#${alert.toLowerCase()}`,
    );
    expect(page, 'what to do, step by step').toMatch(new RegExp(`^### ${alert}\n\n[^]+?^1\\. `, 'm'));
    expect(['warning', 'critical']).toContain(labels.severity);
  });

  test('is tried by a case in which it fires, and one in which it does not', () => {
    const { tests } = read('rules.test.yml') as { readonly tests: readonly Case[] };
    const tried = tests.flatMap((one) => one.alert_rule_test).filter(({ alertname }) => alertname === alert);
    expect(tried.filter(({ exp_alerts }) => exp_alerts.length > 0)).not.toEqual([]);
    expect(tried.filter(({ exp_alerts }) => exp_alerts.length === 0)).not.toEqual([]);
  });
});

describeWithPrometheus('promtool', () => {
  test('accepts the rules', () => {
    expect(promtool(folder, 'check', 'rules', 'rules.yml')).toMatchObject({ code: 0 });
  });

  test('sees each alert fire when it should, and not before', () => {
    const { code, out } = promtool(folder, 'test', 'rules', 'rules.test.yml');
    expect(code, out).toBe(0);
  });
});
