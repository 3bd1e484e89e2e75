import { selection } from 'd3-selection';

/* Stands for `d3-transition`, which d3-zoom imports to end animations of its own. The graph moves at once and has none, so
 * that 15 KB need not be shipped. */

/** Ends the animations of an element. */
export const interrupt = (): void => {};

Object.assign(selection.prototype, {
  interrupt(this: object): object {
    return this;
  },
});
