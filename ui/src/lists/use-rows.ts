import { useVirtualizer } from '@tanstack/react-virtual';
import { useCallback, useRef } from 'react';

/** Browsers end at 17 to 33 million pixels; lists that are higher are scrolled in scale. */
const MOST_PX = 8_000_000;

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
  const height = Math.min(full, MOST_PX);
  // In scale, the virtualizer sees fewer and larger steps: it is told where the scroll would be in full height.
  const view = ref.current?.clientHeight ?? 0;
  const scale = full > MOST_PX && MOST_PX > view ? (full - view) / (MOST_PX - view) : 1;
  const virtualizer = useVirtualizer({
    count,
    getScrollElement: () => ref.current,
    estimateSize: () => rowHeight,
    overscan,
    observeElementOffset: (instance, report) => {
      const element = instance.scrollElement;
      if (element === null) return;
      const read = (): void => report(element.scrollTop * scale, false);
      read();
      element.addEventListener('scroll', read, { passive: true });
      return () => element.removeEventListener('scroll', read);
    },
  });
  const top = (ref.current?.scrollTop ?? 0) * scale;
  const items = virtualizer.getVirtualItems().map(({ index, start }) => ({
    index,
    top: scale === 1 ? start : start - top + (ref.current?.scrollTop ?? 0),
  }));
  const show = useCallback(
    (index: number) => {
      const element = ref.current;
      if (element === null) return;
      const at = index * rowHeight;
      const from = element.scrollTop * scale;
      if (at < from) element.scrollTop = at / scale;
      else if (at + rowHeight > from + element.clientHeight)
        element.scrollTop = (at + rowHeight - element.clientHeight) / scale;
    },
    [rowHeight, scale],
  );
  return { ref, height, items, show };
};
