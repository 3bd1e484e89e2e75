import type { Panel, RowPanel } from '@grafana/schema';
import { expect, test } from 'vitest';
import { dashboard } from '../../scripts/dashboard/tintype-dashboard.ts';

const all = dashboard.panels ?? [];
const panels = all.filter((one): one is Panel => one.type !== 'row');
const places = all.map(({ gridPos, title }) => ({
  title,
  ...(gridPos as { x: number; y: number; w: number; h: number }),
}));

test('deploy/grafana/tintype.json is the dashboard of scripts/dashboard (npm run dashboard writes it)', async () => {
  await expect(`${JSON.stringify(dashboard, null, 2)}\n`).toMatchFileSnapshot('../../deploy/grafana/tintype.json');
});

test('it has the six rows, from what is now to what is due', () => {
  const rows = all.filter((one): one is RowPanel => one.type === 'row');
  expect(rows.map(({ title }) => title)).toEqual(['Now', 'Throughput', 'Latency', 'Capacity', 'Trouble', 'Schedules']);
});

test('each panel has an id of its own', () => {
  const ids = all.map(({ id }) => id);
  expect(ids.every(Number.isInteger)).toBe(true);
  expect(new Set(ids).size).toBe(ids.length);
});

test('no panel lies over another, or beyond the 24 columns', () => {
  for (const { x, w, title } of places) expect(x >= 0 && x + w <= 24, title).toBe(true);
  for (const [at, a] of places.entries())
    for (const b of places.slice(at + 1)) {
      const apart = a.x + a.w <= b.x || b.x + b.w <= a.x || a.y + a.h <= b.y || b.y + b.h <= a.y;
      expect(apart, `${a.title} and ${b.title}`).toBe(true);
    }
});

test.each(panels)('$title says what it shows, in which unit, and asks the chosen data source', (panel) => {
  expect(panel.description).toMatch(/^\S.{10,}\.$/);
  expect(panel.fieldConfig?.defaults.unit).toMatch(/^(s|bytes|short|cps|cpm|percentunit)$/);
  expect(panel.datasource).toEqual({ type: 'prometheus', uid: `\${datasource}` });
  expect(panel.targets).not.toEqual([]);
  for (const { datasource, expr, legendFormat } of panel.targets ?? []) {
    expect(datasource).toEqual(panel.datasource);
    expect(expr, 'it is limited to the chosen servers').toContain('instance=~"$instance"');
    expect(legendFormat).not.toBe('');
  }
});

test('its thresholds rise', () => {
  for (const { title, fieldConfig } of panels) {
    const values = fieldConfig?.defaults.thresholds?.steps.map(({ value }) => value ?? Number.NEGATIVE_INFINITY) ?? [];
    expect(values, title).toEqual([...new Set(values)].sort((a, b) => a - b));
  }
});

test('its variables are the data source, the server, the job and the owner; all are chosen at first', () => {
  const variables = dashboard.templating?.list ?? [];
  expect(variables.map(({ name }) => name)).toEqual(['datasource', 'instance', 'job_name', 'owner']);
  for (const { includeAll, multi, allValue } of variables.slice(1))
    expect({ includeAll, multi, allValue }).toEqual({ includeAll: true, multi: true, allValue: '.*' });
});
