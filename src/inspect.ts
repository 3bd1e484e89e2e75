/* Entry point `tintype/inspect`: what the state machines of jobs do, in the format of XState's inspector. It needs the
 * package `@statelyai/inspect`. */
export { type FileInspection, inspectToFile } from './telemetry/inspect-to-file.ts';
export { inspectToSocket, type SocketInspection, type SocketInspectionOptions } from './telemetry/inspect-to-socket.ts';
export { type Inspection, InspectionError, type InspectionOptions } from './telemetry/inspection.ts';
export { PeerMissingError } from './telemetry/peer.ts';
