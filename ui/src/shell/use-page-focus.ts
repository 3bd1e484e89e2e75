import { type RefObject, useEffect, useRef } from 'react';

/** Moves the focus to the heading of each page that is gone to, once it has come, unless somebody has gone elsewhere with it. */
export const usePageFocus = (pages: RefObject<HTMLElement | null>, path: string): void => {
  const shown = useRef(path);
  useEffect(() => {
    if (shown.current === path) return;
    shown.current = path;
    const before = document.activeElement;
    const observer = new MutationObserver(() => look());
    const look = (): void => {
      const isElsewhere = document.activeElement !== before && document.activeElement !== document.body;
      const heading = pages.current?.querySelector('h1');
      if (!isElsewhere && !heading) return;
      observer.disconnect();
      if (isElsewhere || !heading) return;
      heading.tabIndex = -1;
      heading.focus({ preventScroll: true });
    };
    if (pages.current !== null) observer.observe(pages.current, { childList: true, subtree: true });
    look();
    return () => observer.disconnect();
  }, [pages, path]);
};
