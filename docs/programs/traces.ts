import { context, SpanStatusCode } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { BasicTracerProvider, InMemorySpanExporter, SimpleSpanProcessor } from '@opentelemetry/sdk-trace-base';
import { createEngine, defineJob } from 'tintype';
import { otel } from 'tintype/otel';

// The SDK: any one of OpenTelemetry's, with any exporter. This one keeps the spans in memory.
const exporter = new InMemorySpanExporter();
const tracerProvider = new BasicTracerProvider({ spanProcessors: [new SimpleSpanProcessor(exporter)] });
context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());

const tracing = otel({ tracerProvider });
const engine = createEngine({ intercept: tracing.intercept });
engine.events$.subscribe(tracing);

/** As the instrumentation of a database does it. */
const query = (table: string) =>
  tracerProvider.getTracer('shop').startActiveSpan(`query ${table}`, async (span) => {
    await new Promise((resolve) => setTimeout(resolve, 1));
    span.end();
  });

const report = defineJob('report')
  .task('orders', { maxRetries: 1, retry: { delayMs: 1 } }, async ({ attempt }) => {
    await query('orders');
    if (attempt === 1) throw new Error('connection reset');
    return { days: ['monday', 'tuesday'] };
  })
  .map('totals', { dependsOn: ['orders'], over: ({ ctx }) => ctx.days, concurrency: 1 }, ({ item }) => query(item))
  .seal();

await engine.start(report);

const spans = exporter.getFinishedSpans();
const print = (parent: string | undefined, indent: string): void => {
  for (const span of spans.filter(({ parentSpanContext }) => parentSpanContext?.spanId === parent)) {
    const error = span.status.code === SpanStatusCode.ERROR ? `, ${span.attributes['error.type']}` : '';
    const links = span.links.length === 0 ? '' : ', links to the one before';
    console.log(`${indent}${span.name}${error}${links}`);
    print(span.spanContext().spanId, `${indent}  `);
  }
};
print(undefined, '');
