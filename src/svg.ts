/* Entry point `tintype/svg`: separate from the core, because few programs draw. */
export { type SvgSource, toSvg } from './engine/views/picture/svg.ts';
