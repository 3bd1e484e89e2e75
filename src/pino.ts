/* Entry point `tintype/pino`: logs by pino, which is handed over, so that nothing of it is loaded here. */
export { type PinoEventsOptions, type PinoLogger, pinoEvents } from './telemetry/pino-events.ts';
