/* Entry point `tintype/trace`: trace files, for viewers such as Perfetto. */
export {
  type ChromeTrace,
  type ChromeTraceOptions,
  chromeTrace,
  chromeTraceText,
  type TracedDefinition,
  type TraceRecord,
} from './telemetry/chrome-trace.ts';
