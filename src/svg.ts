/* Entry point `tintype/svg`: needs an optional package, so the core does not export it. */
export { MissingPeerError, toSvg } from './engine/views/svg.ts';
