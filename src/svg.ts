/* Entry point `tintype/svg`: separate from the core, because it needs an optional package. */
export { MissingPeerError, toSvg } from './engine/views/svg.ts';
