/* An exposition with every name of the metrics, written by hand. */

/** Names with the labels of their series. */
const COUNTERS: Readonly<Record<string, readonly string[]>> = {
  jobs_started: ['job_name="nightly"', 'job_name="say \\"hi\\""'],
  jobs_ended: ['job_name="nightly",state="completed"', 'job_name="nightly",state="failed"'],
  jobs_resumed: ['job_name="nightly"'],
  task_transitions: ['job_name="nightly",to="ready"', 'job_name="nightly",to="running"'],
  task_attempts: [
    'job_name="nightly",task="resize[]",outcome="completed"',
    'job_name="nightly",task="upload",outcome="failed"',
  ],
  late_results: ['job_name="nightly"'],
  context_conflicts: ['job_name="nightly"'],
  slot_busy_seconds: ['pool="(engine)"', 'pool="gpu"'],
  unit_claims: ['owner="press"'],
  unit_leases_lost: ['owner="press"'],
  unit_commands: ['owner="press",type="success",status="200"'],
  journal_events: [''],
  journal_errors: ['code="JOURNAL_LOCKED"'],
  sse_clients_cut: [''],
  schedule_runs: ['schedule="nightly",outcome="started"', 'schedule="nightly",outcome="missed"'],
  dropped_series: ['metric="tintype_task_attempts_total"'],
};

const GAUGES: Readonly<Record<string, readonly string[]>> = {
  info: ['version="0.1.0"'],
  jobs: ['job_name="nightly",state="running"'],
  tasks: ['job_name="nightly",state="ready"', 'job_name="nightly",state="running"'],
  slots: ['size', 'taken', 'waiting'].flatMap((kind) => [
    `pool="(engine)",kind="${kind}"`,
    `pool="gpu",kind="${kind}"`,
  ]),
  units_ready: ['owner="press"'],
  units_claimed: ['owner="press"'],
  units_oldest_ready_seconds: ['owner="press"'],
  unit_polls_waiting: [''],
  journal_size_bytes: [''],
  sse_clients: [''],
};

const HISTOGRAMS: Readonly<Record<string, readonly string[]>> = {
  job_duration_seconds: ['job_name="nightly",state="completed"'],
  task_duration_seconds: ['job_name="nightly"'],
  task_queue_wait_seconds: ['job_name="nightly"'],
  journal_append_seconds: [''],
  event_lag_seconds: [''],
  http_request_duration_seconds: [
    'method="GET",route="/jobs/{jobId}",status="200"',
    'method="POST",route="/jobs",status="503"',
  ],
};

/** The exposition at a scrape: all counters and histograms have counted `scrape` events. */
export const sampleExposition = (scrape: number): string =>
  [
    ...Object.entries(COUNTERS).flatMap(([name, sets]) => family(`${name}_total`, 'counter', sets, () => scrape)),
    ...Object.entries(GAUGES).flatMap(([name, sets]) => family(name, 'gauge', sets, () => 3)),
    ...Object.entries(HISTOGRAMS).flatMap(([name, sets]) => [
      ...header(name, 'histogram'),
      ...sets.flatMap((labels) => [
        ...['0.1', '1', '+Inf'].map((le) => line(`${name}_bucket`, [labels, `le="${le}"`], scrape)),
        line(`${name}_sum`, [labels], scrape / 20),
        line(`${name}_count`, [labels], scrape),
      ]),
    ]),
    '',
  ].join('\n');

const header = (name: string, type: string): string[] => [
  `# HELP tintype_${name} Written by hand.`,
  `# TYPE tintype_${name} ${type}`,
];

const line = (name: string, labels: readonly string[], value: number): string =>
  `tintype_${name}{${labels.filter(Boolean).join(',')}} ${value}`;

const family = (name: string, type: string, sets: readonly string[], value: () => number): string[] => [
  ...header(name, type),
  ...sets.map((labels) => line(name, [labels], value())),
];
