/** Browsers end at 17 to 33 million pixels; lists that are higher are scrolled in scale. */
const MOST_PX = 8_000_000;

/** How the position of a scroll bar stands for one in a list that may be higher than browsers allow. */
export type ScaledScroll = {
  /** Height of what is scrolled, in px. */
  readonly height: number;
  /** The place in the list at its top edge, in px, of a `scrollTop`. */
  readonly placeOf: (scrollTop: number) => number;
  /** The `scrollTop` that brings a place of the list to the top edge. */
  readonly scrollTopOf: (place: number) => number;
};

/** `full`: height of the whole list; `view`: of the window that it is seen in. */
export const scaledScroll = (full: number, view: number): ScaledScroll => {
  if (full <= MOST_PX || view >= MOST_PX)
    return { height: full, placeOf: (scrollTop) => scrollTop, scrollTopOf: (place) => place };
  const scale = (full - view) / (MOST_PX - view);
  return { height: MOST_PX, placeOf: (scrollTop) => scrollTop * scale, scrollTopOf: (place) => place / scale };
};
