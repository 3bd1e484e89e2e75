import { useSyncExternalStore } from 'react';
import { kept } from './kept.ts';

/** `auto` follows the system. */
export type Theme = 'auto' | 'light' | 'dark';

const KEY = 'tintype.theme';
const listeners = new Set<() => void>();
const saved = kept.get(KEY);
let theme: Theme = saved === 'light' || saved === 'dark' ? saved : 'auto';
let version = 0;

const apply = (): void => {
  if (theme === 'auto') delete document.documentElement.dataset.theme;
  else document.documentElement.dataset.theme = theme;
};

const changed = (): void => {
  version += 1;
  for (const listener of listeners) listener();
};

apply();
matchMedia('(prefers-color-scheme: dark)').addEventListener('change', changed);
matchMedia('(forced-colors: active)').addEventListener('change', changed);

export const setTheme = (next: Theme): void => {
  theme = next;
  kept.set(KEY, next === 'auto' ? undefined : next);
  apply();
  changed();
};

const listen = (listener: () => void): (() => void) => {
  listeners.add(listener);
  return () => void listeners.delete(listener);
};

export const useTheme = (): Theme => useSyncExternalStore(listen, () => theme);

/** A number that changes with the colours in force; canvases read them again then. */
export const useColourVersion = (): number => useSyncExternalStore(listen, () => version);
