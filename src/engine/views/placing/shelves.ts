export type Size = { readonly width: number; readonly height: number };

export type Shelved = Size & { readonly places: readonly { readonly x: number; readonly y: number }[] };

/** Puts rectangles into rows, in order, so that the whole has about the aspect (width by height), or is as wide as `least`. */
export const shelve = (sizes: readonly Size[], aspect: number, gap: number, least = 0): Shelved => {
  const widest = sizes.reduce((most, { width }) => Math.max(most, width), 0);
  const area = sizes.reduce((sum, { width, height }) => sum + (width + gap) * (height + gap), 0);
  const room = Math.max(widest, least, sizes.length > 1 ? Math.sqrt(area * aspect) : 0);
  let x = 0;
  let y = 0;
  let rowHeight = 0;
  let right = 0;
  const places = sizes.map(({ width, height }) => {
    if (x > 0 && x + width > room) {
      x = 0;
      y += rowHeight + gap;
      rowHeight = 0;
    }
    const place = { x, y };
    x += width + gap;
    rowHeight = Math.max(rowHeight, height);
    right = Math.max(right, place.x + width);
    return place;
  });
  return { width: right, height: y + rowHeight, places };
};
