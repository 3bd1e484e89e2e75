/* Entry point `tintype/prometheus`: metrics of an engine, for Prometheus. */
export { type PrometheusMetrics, type PrometheusOptions, prometheus } from './telemetry/prometheus/prometheus.ts';
