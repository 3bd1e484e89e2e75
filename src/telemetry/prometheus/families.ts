import type { Metric, Registry } from 'prom-client';
import type { Buckets } from './buckets.ts';

export type SeriesLabels = Readonly<Record<string, string>>;

/** A metric as it is declared. */
export type Family = { readonly name: string; readonly help: string };

/**
 * A series of a counter or gauge. `shared`: labels that many series have. Pass the same object at each scrape, since
 * prom-client keeps its text.
 */
export type Series = { readonly shared?: SeriesLabels; readonly labels?: SeriesLabels; readonly value: number };

/** A histogram with these labels. Pass the same object of labels at each scrape. */
export type Distribution = { readonly labels?: SeriesLabels; readonly buckets: Buckets };

/** Registers a counter. `series` is called at each scrape. */
export const addCounter = (register: Registry, family: Family, series: () => Iterable<Series>): void =>
  addFamily(register, 'counter', family, () => Array.from(series(), toValue));

/** Registers a gauge. `series` is called at each scrape. */
export const addGauge = (register: Registry, family: Family, series: () => Iterable<Series>): void =>
  addFamily(register, 'gauge', family, () => Array.from(series(), toValue));

/** Registers a histogram. `series` is called at each scrape. */
export const addHistogram = (register: Registry, family: Family, series: () => Iterable<Distribution>): void =>
  addFamily(register, 'histogram', family, () => [...series()].flatMap((one) => toValues(family.name, one)));

/** A line of the exposition. `metricName`: if it is not that of the family. */
type Value = {
  readonly metricName?: string;
  readonly sharedLabels: SeriesLabels;
  readonly labels: SeriesLabels;
  readonly value: number;
};

/**
 * Registers what prom-client asks for values at each scrape. Its own metrics count by a text of all labels, which costs
 * more than everything else that is done with an event.
 */
const addFamily = (register: Registry, type: string, { name, help }: Family, values: () => Value[]): void => {
  const metric = {
    // For OpenMetrics, a registry changes the name of a counter.
    name,
    help,
    type,
    aggregator: 'sum',
    getForPromString: async () => ({ name: metric.name, help, type, aggregator: 'sum', values: values() }),
    get: async () => ({ ...(await metric.getForPromString()), values: values().map(withoutShared) }),
    /** The numbers are ours: `resetMetrics()` of a registry leaves them. */
    reset: () => {},
  };
  register.registerMetric(metric as unknown as Metric<string>);
};

const withoutShared = ({ sharedLabels, labels, ...others }: Value) => ({
  ...others,
  labels: { ...labels, ...sharedLabels },
});

const NO_LABELS: SeriesLabels = Object.freeze({});

const toValue = ({ shared = NO_LABELS, labels = NO_LABELS, value }: Series): Value => ({
  sharedLabels: shared,
  labels,
  value,
});

/** Buckets of an exposition are cumulative, times in seconds. */
const toValues = (name: string, { labels = NO_LABELS, buckets }: Distribution): Value[] => {
  const { bounds, counts, count, sum } = buckets;
  const line = (suffix: string, value: number, own = NO_LABELS): Value => ({
    metricName: `${name}_${suffix}`,
    sharedLabels: labels,
    labels: own,
    value,
  });
  let upTo = 0;
  return [
    ...bounds.map((bound, index) => {
      upTo += counts[index] as number;
      return line('bucket', upTo, { le: String(bound) });
    }),
    line('bucket', count, { le: '+Inf' }),
    line('sum', sum),
    line('count', count),
  ];
};
