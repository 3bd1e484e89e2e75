/* Traces by OpenTelemetry. `otel.ts` has the interceptor and the subscriber that an engine gets; it begins the span of a
 * job, and knows which jobs are traced. `traced-job.ts` makes spans of the events of one job. `span-context.ts` converts
 * places in a trace, `api.ts` loads OpenTelemetry's API, which is an optional peer. */
import type { Context, TracerProvider } from '@opentelemetry/api';
import type { Intercept, InterceptedJob } from '../../engine/definition/intercept.ts';
import { methods, problemsOf, rule, throwIfInvalid } from '../../engine/definition/option-rules.ts';
import type { Trace } from '../../engine/definition/trace.ts';
import type { JobEvent } from '../../events/event.ts';
import { api } from './api.ts';
import { spanContextOf, timeOf, traceOf } from './span-context.ts';
import { TracedJob } from './traced-job.ts';

export type OtelOptions = {
  /** Where spans come from. Default: the provider that is registered with OpenTelemetry's API. */
  readonly tracerProvider?: TracerProvider | undefined;
  /**
   * After how many ms the span of a job that still runs ends, and is continued in another one that links to it: an SDK
   * exports a span when it ends. Looked at whenever a job publishes an event. Default 1 h; `Infinity`: never.
   */
  readonly maxJobSpanMs?: number | undefined;
};

/** What traces the jobs of an engine. Both parts are needed. */
export type Tracing = {
  /** For `createEngine`, `createServer` or a start. It runs task functions in the context of their attempts. */
  readonly intercept: Intercept;
  /** Receives the events: subscribe it to `engine.events$`, or to `job.events$`. */
  readonly next: (event: JobEvent) => void;
  /** Resolves when the SDK has exported the spans that have ended: for a program that is about to exit. */
  readonly flush: () => Promise<void>;
};

/**
 * Traces jobs with OpenTelemetry: a span for each job, task and attempt. What an SDK does not sample costs next to
 * nothing, and nothing of it is kept.
 * @throws OptionError
 * @example
 * const tracing = otel();
 * const engine = createEngine({ intercept: tracing.intercept });
 * engine.events$.subscribe(tracing);
 */
export const otel = (options: OtelOptions = {}): Tracing => {
  throwIfInvalid('otel', problemsOf(options, RULES, { subject: 'otel' }));
  const { tracerProvider = api.trace.getTracerProvider(), maxJobSpanMs = HOUR_MS } = options;
  const tracer = tracerProvider.getTracer('tintype');
  /** The jobs that run here and are recorded, the longest without a new span first. */
  const jobs = new Map<string, TracedJob>();
  /** No job needs a new span before, in epoch ms. */
  let nextSplit = Number.POSITIVE_INFINITY;

  const startJob = (start: InterceptedJob): Trace | undefined => {
    const { jobId, jobName, at, parent, kept, resumption } = start;
    const active = api.context.active();
    const before = kept && spanContextOf(kept);
    const span = tracer.startSpan(
      `job ${jobName}`,
      {
        startTime: timeOf(at),
        attributes: {
          'tintype.job.id': jobId,
          'tintype.job.name': jobName,
          ...(resumption > 0 && { 'tintype.resumption': resumption }),
        },
        ...(before && { links: [{ context: before }] }),
      },
      before ? api.trace.setSpanContext(active, before) : within(active, parent),
    );
    const place = span.spanContext();
    // Without an SDK there is no trace.
    if (!api.isSpanContextValid(place)) return undefined;
    jobs.get(jobId)?.end(at);
    jobs.delete(jobId);
    if (span.isRecording()) {
      jobs.set(jobId, new TracedJob(tracer, span, active, start));
      nextSplit = Math.min(nextSplit, at + maxJobSpanMs);
    }
    return traceOf(place);
  };

  const splitLong = (at: number): void => {
    nextSplit = Number.POSITIVE_INFINITY;
    for (const job of jobs.values()) {
      if (at - job.since < maxJobSpanMs) {
        nextSplit = job.since + maxJobSpanMs;
        return;
      }
      job.split(at);
      // As the last one: those that remain have an older span.
      jobs.delete(job.jobId);
      jobs.set(job.jobId, job);
    }
  };

  const around: Intercept = (scope, run) => {
    const { jobId, taskName, trace } = scope;
    const attempt = jobs.get(jobId)?.attemptOf(taskName);
    const active = api.context.active();
    if (attempt) {
      scope.trace = traceOf(attempt.spanContext());
      return api.context.with(api.trace.setSpan(active, attempt), run);
    }
    dropUnheard(jobId);
    // That of a job that is not sampled: the spans of its functions are not, either.
    return trace ? api.context.with(api.trace.setSpanContext(active, spanContextOf(trace)), run) : run();
  };

  /** Forgets a job whose events don't arrive here: its spans would never end. */
  const dropUnheard = (jobId: string): void => {
    const job = jobs.get(jobId);
    if (!job || job.isHeard) return;
    job.end(job.since);
    jobs.delete(jobId);
    process.emitWarning(
      `The job "${jobId}" is not traced, since the tracing hears nothing of it. Subscribe it: engine.events$.subscribe(tracing).`,
      { code: 'TINTYPE_UNHEARD' },
    );
  };

  return {
    intercept: Object.assign(around, {
      job: startJob,
      attempt: (jobId: string, task: string): Trace | undefined => {
        const attempt = jobs.get(jobId)?.attemptOf(task);
        return attempt && traceOf(attempt.spanContext());
      },
    }),
    next: (event) => {
      const job = jobs.get(event.jobId);
      if (job?.follow(event)) jobs.delete(event.jobId);
      if (event.at >= nextSplit) splitLong(event.at);
    },
    flush: async () => {
      const provider =
        tracerProvider instanceof api.ProxyTracerProvider ? tracerProvider.getDelegate() : tracerProvider;
      await (provider as Flushable).forceFlush?.();
    },
  };
};

/** What providers of SDKs have beside the API. */
type Flushable = TracerProvider & { readonly forceFlush?: () => Promise<void> };

const HOUR_MS = 3_600_000;

const RULES = {
  tracerProvider: methods('a tracer provider of OpenTelemetry', 'getTracer'),
  maxJobSpanMs: rule(
    'a number of milliseconds above 0, or Infinity',
    (value) => typeof value === 'number' && value > 0,
  ),
};

/**
 * Returns the context that a new job belongs to: the trace that its start was given, or what is current. A current span
 * of the same trace is the nearer one, such as that of the request whose header was given.
 */
const within = (active: Context, given: Trace | undefined): Context => {
  if (!given) return active;
  const parent = spanContextOf(given);
  return api.trace.getSpanContext(active)?.traceId === parent.traceId
    ? active
    : api.trace.setSpanContext(active, parent);
};
