import type { HrTime, SpanContext } from '@opentelemetry/api';
import type { Trace } from '../../engine/definition/trace.ts';
import { api } from './api.ts';

/** Returns a span's place as the W3C's Trace Context writes it. */
export const traceOf = ({ traceId, spanId, traceFlags, traceState }: SpanContext): Trace => {
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  const tracestate = traceState?.serialize();
  return tracestate ? { traceparent, tracestate } : { traceparent };
};

/** Reads what `traceOf` wrote, in this process or in another one. */
export const spanContextOf = ({ traceparent, tracestate }: Trace): SpanContext => {
  const [, traceId = '', spanId = '', flags = '0'] = traceparent.split('-');
  const context = { traceId, spanId, traceFlags: Number.parseInt(flags, 16), isRemote: true };
  return tracestate === undefined ? context : { ...context, traceState: api.createTraceState(tracestate) };
};

/**
 * Converts epoch ms to seconds and ns. A number alone would not do: the SDK takes a small one, as a virtual clock has
 * it, for one of `performance.now()`.
 */
export const timeOf = (at: number): HrTime => {
  const seconds = Math.floor(at / 1000);
  return [seconds, Math.round((at - seconds * 1000) * 1e6)];
};
