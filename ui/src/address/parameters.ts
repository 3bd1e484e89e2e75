import { useCallback } from 'react';
import { useLocation, useSearch } from 'wouter';

/** Whether a change of the address can be gone back from: what opens something pushes, what selects replaces. */
export type HistoryMode = 'push' | 'replace';

export type ChangeParameters = (changes: Readonly<Record<string, string | undefined>>, mode?: HistoryMode) => void;

/**
 * The query of the address as state. Unknown parameters and what follows `#` are kept, and those that are set to undefined or '' are left
 * out, so that default values never stand in an address.
 */
export const useParameters = (): readonly [URLSearchParams, ChangeParameters] => {
  const search = useSearch();
  const [path, navigate] = useLocation();
  const change = useCallback<ChangeParameters>(
    (changes, mode = 'replace') => {
      // What stands in the address now, which may be newer than what was drawn.
      const next = new URLSearchParams(location.search);
      for (const [name, value] of Object.entries(changes)) {
        if (value === undefined || value === '') next.delete(name);
        else next.set(name, value);
      }
      const text = readable(next);
      if (text === location.search.slice(1)) return;
      navigate(`${path}${text === '' ? '' : `?${text}`}${location.hash}`, { replace: mode === 'replace' });
    },
    [navigate, path],
  );
  return [new URLSearchParams(search), change];
};

/** The query with what may stand in it as it is: paths such as `outer/inner[3]`, and lists with commas. */
const readable = (query: URLSearchParams): string =>
  query
    .toString()
    .replace(/%2F/g, '/')
    .replace(/%2C/g, ',')
    .replace(/%5B/g, '[')
    .replace(/%5D/g, ']')
    .replace(/%3A/g, ':');

/** A parameter that holds a list: `a,b`. Commas and backslashes within an entry are escaped by a backslash. */
export const readList = (text: string | null): readonly string[] => {
  if (text === null || text === '') return [];
  const entries: string[] = [];
  let last = '';
  for (let at = 0; at < text.length; at += 1) {
    const letter = text[at] as string;
    if (letter === '\\' && at + 1 < text.length) {
      at += 1;
      last += text[at];
    } else if (letter === ',') {
      entries.push(last);
      last = '';
    } else last += letter;
  }
  return [...entries, last];
};

export const writeList = (entries: Iterable<string>): string =>
  [...entries].map((entry) => entry.replace(/[\\,]/g, (letter) => `\\${letter}`)).join(',');
