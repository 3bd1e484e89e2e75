import { context, DiagLogLevel, diag, type HrTime, SpanStatusCode, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import {
  BasicTracerProvider,
  type ReadableSpan,
  type Sampler,
  type SpanProcessor,
} from '@opentelemetry/sdk-trace-base';
import { onTestFinished } from 'vitest';

/** An SDK whose spans stay in memory, with a context that lives across awaits, until the end of the test. */
export const spansInMemory = ({ sampler }: { readonly sampler?: Sampler } = {}) => {
  const begun: ReadableSpan[] = [];
  const processor: SpanProcessor = {
    onStart: (span) => void begun.push(span),
    onEnd: () => {},
    forceFlush: async () => {},
    shutdown: async () => {},
  };
  const tracerProvider = new BasicTracerProvider({ spanProcessors: [processor], ...(sampler && { sampler }) });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  const complaints: string[] = [];
  const note = (message: string): void => void complaints.push(message);
  diag.setLogger({ error: note, warn: note, info: note, debug: note, verbose: note }, DiagLogLevel.WARN);
  onTestFinished(() => {
    context.disable();
    diag.disable();
  });
  return {
    tracerProvider,
    tracer: tracerProvider.getTracer('test'),
    /** The spans that have ended, in the order in which they began. */
    spans: (): readonly ReadableSpan[] => begun.filter(({ ended }) => ended),
    /** All spans. */
    begun: (): readonly ReadableSpan[] => begun,
    /** What the SDK complains of, such as a span that ends twice. */
    complaints: (): readonly string[] => complaints,
  };
};

export const msOf = ([seconds, ns]: HrTime): number => seconds * 1000 + ns / 1e6;

/** Returns the span with a name; that of a task or job by its name, that of an attempt as `attempt 1 of dice`. */
export const spanNamed = (spans: readonly ReadableSpan[], name: string): ReadableSpan => {
  const found = spans.filter((span) => labelOf(span) === name);
  if (found.length !== 1) throw new Error(`${found.length} spans "${name}" in ${spans.map(labelOf).join(', ')}`);
  return found[0] as ReadableSpan;
};

const labelOf = ({ name, attributes }: ReadableSpan): string =>
  name.startsWith('attempt') ? `${name} of ${attributes['tintype.task.name']}` : name;

/**
 * Draws spans as a tree, a line each: what is inside a span is indented, its siblings in the order of their starts. Behind
 * the name stand when it began and ended, in ms since `from`, its status, its links by the names of their spans, and its events.
 */
export const treeOf = (spans: readonly ReadableSpan[], from = msOf(spans[0]?.startTime ?? [0, 0])): string => {
  const byId = new Map(spans.map((span) => [span.spanContext().spanId, span]));
  const lines: string[] = [];
  const add = (span: ReadableSpan, depth: number): void => {
    const at = (time: HrTime): number => msOf(time) - from;
    const links = span.links.map(({ context: { spanId } }) => byId.get(spanId)?.name ?? 'a span elsewhere');
    const events = span.events.map(({ name, time }) => `${name} ${at(time)}`);
    const parts = [
      `${'  '.repeat(depth)}${span.name} ${at(span.startTime)}–${at(span.endTime)}`,
      ...(span.status.code === SpanStatusCode.UNSET
        ? []
        : [span.status.code === SpanStatusCode.OK ? 'OK' : `ERROR ${span.attributes['error.type']}`]),
      ...(links.length > 0 ? [`→ ${links.join(', ')}`] : []),
      ...(events.length > 0 ? [`[${events.join(', ')}]`] : []),
    ];
    lines.push(parts.join(' '));
    for (const child of spans) if (child.parentSpanContext?.spanId === span.spanContext().spanId) add(child, depth + 1);
  };
  for (const span of spans) if (!byId.has(span.parentSpanContext?.spanId ?? '')) add(span, 0);
  return lines.join('\n');
};

/** Whether a provider is registered with the API, which tests must not do for one another. */
export const withRegistered = async (provider: BasicTracerProvider, run: () => Promise<unknown>): Promise<void> => {
  trace.setGlobalTracerProvider(provider);
  try {
    await run();
  } finally {
    trace.disable();
  }
};
