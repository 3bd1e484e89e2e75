export { MissingPeerError, toSvg } from './engine/views/svg.ts';
