import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { vi } from 'vitest';

/** A series of an answer, with its value at that time. */
export type Sample = { readonly metric: Readonly<Record<string, string>>; readonly value: number };

export type Prometheus = {
  /** Runs a query at this moment, as a panel or an alert does. @throws the error of Prometheus, as one of a query that can't be read. */
  readonly query: (expr: string) => Promise<readonly Sample[]>;
  /** Runs a query over the last `seconds`, as a graph does. */
  readonly queryRange: (expr: string, seconds: number) => Promise<readonly Sample[]>;
  /** The values of a label of the series that a selector finds: `label_values(selector, label)` in Grafana. */
  readonly labelValues: (selector: string, label: string) => Promise<readonly string[]>;
  /** The alerts that its rules have raised. */
  readonly alerts: () => Promise<readonly Alert[]>;
  readonly stop: () => Promise<void>;
};

export type Alert = {
  readonly state: 'pending' | 'firing';
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
};

/**
 * Starts a Prometheus of this machine, in a temporary folder, on a free port of 127.0.0.1. It scrapes `targets` (host and
 * port) and evaluates `rules` (files) each second, under the job name `tintype`.
 */
export const startPrometheus = async (
  targets: readonly string[],
  rules: readonly string[] = [],
): Promise<Prometheus> => {
  const folder = mkdtempSync(join(tmpdir(), 'tintype-prometheus-'));
  const config = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: rules,
    scrape_configs: [{ job_name: 'tintype', static_configs: [{ targets }] }],
  };
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(config)); // JSON is YAML
  const port = await freePort();
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--log.level=warn',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  let complaints = '';
  child.stderr.on('data', (text) => {
    complaints += text;
  });
  const ended = once(child, 'exit');
  const stop = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill('SIGTERM');
    await ended;
    rmSync(folder, { recursive: true, force: true });
  };

  const api = async <T>(path: string, params: Readonly<Record<string, string>> = {}): Promise<T> => {
    const answer = await fetch(`http://127.0.0.1:${port}/api/v1/${path}?${new URLSearchParams(params)}`);
    const body = (await answer.json()) as { status: string; error?: string; data: T };
    if (body.status !== 'success') throw new Error(`${body.error}: ${params.query ?? path}`);
    return body.data;
  };

  try {
    await vi.waitUntil(
      async () => {
        if (child.exitCode !== null) throw new Error(`Prometheus has ended: ${complaints}`);
        const ready = await fetch(`http://127.0.0.1:${port}/-/ready`).catch(() => undefined);
        return ready?.ok;
      },
      { timeout: 30_000, interval: 50 },
    );
  } catch (error) {
    await stop();
    throw error;
  }

  type Point = readonly [time: number, value: string];
  type Metric = Sample['metric'];
  return {
    query: async (query) => {
      const { result } = await api<{ result: { metric: Metric; value: Point }[] }>('query', { query });
      return result.map(({ metric, value: [, value] }) => ({ metric, value: Number(value) }));
    },
    queryRange: async (query, seconds) => {
      const end = Date.now() / 1000;
      const params = { query, start: String(end - seconds), end: String(end), step: '1' };
      const { result } = await api<{ result: { metric: Metric; values: Point[] }[] }>('query_range', params);
      return result.flatMap(({ metric, values }) => values.map(([, value]) => ({ metric, value: Number(value) })));
    },
    labelValues: (selector, label) => api(`label/${label}/values`, { 'match[]': selector }),
    alerts: async () => (await api<{ alerts: Alert[] }>('alerts')).alerts,
    stop,
  };
};

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as { port: number };
  server.close();
  await once(server, 'close');
  return port;
};
