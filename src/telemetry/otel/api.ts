import type * as OpenTelemetry from '@opentelemetry/api';
import { requirePeer } from '../peer.ts';

/**
 * OpenTelemetry's API, an optional peer: an import of this file without it throws, and says what to install. All copies
 * of the package in a process share what is registered.
 */
export const api: typeof OpenTelemetry = requirePeer('tintype/otel', '@opentelemetry/api');
