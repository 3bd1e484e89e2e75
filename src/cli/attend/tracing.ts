import { isTraceparent, isTracestate, type Trace } from '../../engine/definition/trace.ts';
import { errorData } from '../../events/error-data.ts';
import type { Tracing } from '../../telemetry/otel/otel.ts';
import type { Printer } from '../terminal/printer.ts';

/**
 * Returns what traces the jobs of this process, if an OpenTelemetry SDK has been registered in it, as by
 * `node --import ./tracing.mjs`. Loads nothing otherwise. Warns if OpenTelemetry's API can't be loaded from here.
 */
export const tracingIfRegistered = async (err: Printer): Promise<Tracing | undefined> => {
  if (!isRegistered()) return undefined;
  try {
    const { otel } = await import('../../telemetry/otel/otel.ts');
    return otel();
  } catch (error) {
    err.line(err.sanitize(`warning: Jobs are not traced: ${errorData(error).message}`));
    return undefined;
  }
};

/** All copies of OpenTelemetry's API 1 in a process keep what is registered under this symbol. */
const isRegistered = (): boolean => (globalThis as { [API]?: { readonly trace?: unknown } })[API]?.trace !== undefined;

const API = Symbol.for('opentelemetry.js.api.1');

/** Exports what has ended, before the process exits; waits for a collector that does not answer for at most 5 s. */
export const flushed = async (tracing: Tracing | undefined, err: Printer): Promise<void> => {
  if (!tracing) return;
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error('the collector did not answer within 5 s')), 5000);
  });
  try {
    await Promise.race([tracing.flush(), late]);
  } catch (error) {
    err.line(err.sanitize(`warning: Spans were not exported: ${errorData(error).message}.`));
  } finally {
    clearTimeout(timer);
  }
};

/** Returns the trace that the environment names, as that of a command which another job or a CI system runs. */
export const traceOfEnv = ({
  TRACEPARENT,
  TRACESTATE,
}: Readonly<Record<string, string | undefined>>): Trace | undefined => {
  if (!isTraceparent(TRACEPARENT)) return undefined;
  return isTracestate(TRACESTATE) ? { traceparent: TRACEPARENT, tracestate: TRACESTATE } : { traceparent: TRACEPARENT };
};
