/* Entry point `tintype/otel`: traces by OpenTelemetry. Needs the package `@opentelemetry/api`. */
export { type OtelOptions, otel, type Tracing } from './telemetry/otel/otel.ts';
