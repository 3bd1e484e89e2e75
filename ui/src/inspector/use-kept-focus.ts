import { type RefCallback, useCallback, useLayoutEffect, useRef } from 'react';

/**
 * Keeps the keyboard's place when the inspector of a task gives way to that of another one, or is closed: what opened the
 * first one then has the focus again. The element of each inspector gets the ref.
 */
export const useKeptFocus = (isOpen: boolean): RefCallback<HTMLElement> => {
  const opener = useRef<Element>(null);
  const wasInside = useRef(false);
  useLayoutEffect(() => {
    if (isOpen || !wasInside.current) return;
    wasInside.current = false;
    const back = opener.current?.isConnected ? opener.current : document.querySelector(PICTURES);
    (back as HTMLElement | null)?.focus();
  }, [isOpen]);
  return useCallback((inspector) => {
    if (inspector === null) return;
    if (wasInside.current) inspector.focus();
    else opener.current = document.activeElement === document.body ? null : document.activeElement;
    wasInside.current = false;
    // It is still in the page then.
    return () => {
      wasInside.current = inspector.contains(document.activeElement);
    };
  }, []);
};

const PICTURES = '.graph canvas, [role="treegrid"]';
