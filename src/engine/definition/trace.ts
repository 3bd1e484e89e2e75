/** A position in a trace, as the W3C's Trace Context writes it: the values of the headers of the same names. */
export type Trace = { readonly traceparent: string; readonly tracestate?: string | undefined };

/** Whether a value is what `traceparent` may be: version, trace, span and flags, in hexadecimal digits. */
export const isTraceparent = (value: unknown): value is string =>
  typeof value === 'string' && /^(?!ff)[\da-f]{2}-(?!0{32})[\da-f]{32}-(?!0{16})[\da-f]{16}-[\da-f]{2}$/.test(value);

/** Whether a value is what `tracestate` may be: printable ASCII, as a header and a variable can carry it. */
export const isTracestate = (value: unknown): value is string =>
  typeof value === 'string' && /^[\x20-\x7e]+$/.test(value) && value.trim() !== '';

/** The trace that an interceptor returned for a job, and how often the job had been continued by then. */
export type KeptTrace = Trace & { readonly resumption: number };
