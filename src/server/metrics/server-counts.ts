/* Metrics of a server, beside those of its engine (`telemetry/prometheus`). `server-counts.ts` is what the parts of the
 * server count in, `server-families.ts` declares the metrics and reads the rest at each scrape. */

import { Buckets, DURATION_BUCKETS, SHORT_BUCKETS } from '../../telemetry/prometheus/buckets.ts';
import type { Distribution, SeriesLabels } from '../../telemetry/prometheus/families.ts';
import { OTHER } from '../../telemetry/prometheus/job-series.ts';

/** An answer to a request of a route. */
export type Answered = {
  readonly method: string;
  /** The template of its path. */
  readonly route: string;
  readonly status: number;
  /** Whether the client asked to wait, or for a stream. */
  readonly waits: boolean;
  /** Time to the answer, or to the beginning of a stream. */
  readonly ms: number;
};

/** How many owners, and how many schedules, have series of their own. Others are counted as `other`. */
export const MAX_NAMES = 200;

/** What happens in a server, counted in plain numbers. */
export class ServerCounts {
  readonly requests = new Map<string, Required<Distribution>>();
  readonly eventLag = new Buckets(DURATION_BUCKETS);
  readonly appends = new Buckets(SHORT_BUCKETS);
  /** Events that were appended. */
  events = 0;
  /** Streams that were cut, since their client read too slowly. */
  cut = 0;
  readonly owners = new CappedNames();
  readonly schedules = new CappedNames();
  readonly claims = new Tally();
  readonly leasesLost = new Tally();
  readonly commands = new Tally();
  readonly scheduleRuns = new Tally();
  readonly journalErrors = new Tally();

  answered({ method, route, status, waits, ms }: Answered): void {
    const key = `${method} ${route} ${status} ${waits}`;
    let known = this.requests.get(key);
    if (!known) {
      const labels = { method, route: waits ? `${route}:wait` : route, status: String(status) };
      known = { labels, buckets: new Buckets(DURATION_BUCKETS) };
      this.requests.set(key, known);
    }
    known.buckets.observe(ms / 1000);
  }

  claimed(owner: string | undefined): void {
    this.claims.add({ owner: this.ownerLabel(owner) });
  }

  leaseLost(owner: string | undefined): void {
    this.leasesLost.add({ owner: this.ownerLabel(owner) });
  }

  /** Counts what a worker reported of a unit, with the status of the answer. */
  command(owner: string | undefined, type: string, status: number): void {
    this.commands.add({ owner: this.ownerLabel(owner), type, status: String(status) });
  }

  /** `count`: how many due times. */
  scheduleRun(schedule: string, outcome: string, count: number): void {
    this.scheduleRuns.add({ schedule: this.schedules.label(schedule), outcome }, count);
  }

  ownerLabel(owner: string | undefined): string {
    return owner === undefined ? NO_OWNER : this.owners.label(owner);
  }
}

/** The label of units that are for nobody in particular. */
const NO_OWNER = '(none)';

/** Counts by labels, of which there are few. */
export class Tally {
  readonly #series = new Map<string, { readonly labels: SeriesLabels; value: number }>();

  get series(): readonly { readonly labels: SeriesLabels; readonly value: number }[] {
    return [...this.#series.values()];
  }

  add(labels: SeriesLabels, count = 1): void {
    const key = JSON.stringify(Object.values(labels));
    const known = this.#series.get(key);
    if (known) known.value += count;
    else this.#series.set(key, { labels, value: count });
  }

  /** What was counted with this value of a label. */
  sumOf(label: string, value: string): number {
    return this.series.reduce((sum, one) => (one.labels[label] === value ? sum + one.value : sum), 0);
  }
}

/** Names that have series of their own, up to MAX_NAMES. */
export class CappedNames {
  readonly #known = new Set<string>();

  /** The names so far, `other` if there were more. */
  get all(): ReadonlySet<string> {
    return this.#known;
  }

  label(name: string): string {
    if (this.#known.has(name)) return name;
    const label = this.#known.size < MAX_NAMES ? name : OTHER;
    this.#known.add(label);
    return label;
  }
}
