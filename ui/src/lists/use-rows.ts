import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useLayoutEffect, useRef } from 'react';
import { scaledScroll } from './scaled-scroll.ts';

export type Rows = {
  /** Of the element that scrolls. */
  readonly ref: React.RefObject<HTMLDivElement | null>;
  /** Height of what is scrolled, in px. */
  readonly height: number;
  /** The rows in sight, and a few around them. */
  readonly items: readonly { readonly index: number; readonly top: number }[];
  /** Scrolls as far as needed for a row to be in sight. */
  readonly show: (index: number) => void;
};

export type RowsOptions = { readonly count: number; readonly rowHeight: number; readonly overscan?: number };

/** Which rows of one height are in sight. Of 300,000 rows too, the last one can be reached. */
export const useRows = ({ count, rowHeight, overscan = 8 }: RowsOptions): Rows => {
  const ref = useRef<HTMLDivElement>(null);
  const full = count * rowHeight;
  const view = ref.current?.clientHeight ?? 0;
  const scroll = scaledScroll(full, view);
  const latest = useRef(scroll);
  latest.current = scroll;
  const read = useRef<() => void>(undefined);
  /** The place in the list at the top edge. */
  const place = useRef(0);
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => ref.current,
    estimateSize: () => rowHeight,
    overscan,
    // In scale, the virtualizer is told where the scroll would be in full height: by the scale of now, since lists grow.
    observeElementOffset: (instance, report) => {
      const element = instance.scrollElement;
      if (element === null) return;
      const own = (): void => {
        place.current = latest.current.placeOf(element.scrollTop);
        report(place.current, false);
      };
      read.current = own;
      own();
      element.addEventListener('scroll', own, { passive: true });
      return () => element.removeEventListener('scroll', own);
    },
    scrollToFn: (to, _, { scrollElement }) => {
      if (scrollElement !== null) scrollElement.scrollTop = latest.current.scrollTopOf(to);
    },
  });
  // The rows in sight stay.
  // biome-ignore lint/correctness/useExhaustiveDependencies: of another height, the same `scrollTop` stands for another place
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const { placeOf, scrollTopOf } = latest.current;
    if (Math.abs(placeOf(element.scrollTop) - place.current) > 1) element.scrollTop = scrollTopOf(place.current);
    read.current?.();
  }, [full, view]);
  const scrollTop = ref.current?.scrollTop ?? 0;
  const shift = scrollTop - scroll.placeOf(scrollTop);
  const items = virtualizer.getVirtualItems().map(({ index, start }) => ({ index, top: start + shift }));
  const show = useCallback(
    (index: number) => {
      const element = ref.current;
      if (element === null) return;
      const { placeOf, scrollTopOf } = latest.current;
      const at = index * rowHeight;
      const from = placeOf(element.scrollTop);
      if (at < from) element.scrollTop = scrollTopOf(at);
      else if (at + rowHeight > from + element.clientHeight)
        // The first row is not cut: what is above it may be a line of headings.
        element.scrollTop = scrollTopOf(Math.ceil((at + rowHeight - element.clientHeight) / rowHeight) * rowHeight);
    },
    [rowHeight],
  );
  return { ref, height: scroll.height, items, show };
};
