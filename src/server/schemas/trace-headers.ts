import { z } from '@hono/zod-openapi';
import { isTraceparent, isTracestate, type Trace } from '../../engine/definition/trace.ts';

/** The headers of the W3C's Trace Context. As that wants it, a value that is not valid counts as none. */
export const TraceHeaders = z.object({
  traceparent: z.string().optional().meta({
    description:
      "The span that the job belongs to, as the W3C's Trace Context writes it; one that is not valid is ignored",
  }),
  tracestate: z.string().optional(),
});

/** Returns the trace that the headers of a request name. */
export const traceIn = ({ traceparent, tracestate }: z.infer<typeof TraceHeaders>): Trace | undefined => {
  if (!isTraceparent(traceparent)) return undefined;
  return isTracestate(tracestate) ? { traceparent, tracestate } : { traceparent };
};
