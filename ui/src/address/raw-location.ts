import type { BaseLocationHook, BaseSearchHook } from 'wouter';
import { useBrowserLocation, useSearch } from 'wouter/use-browser-location';

/*
 * The router decodes a part of what an address escapes, and not all: a name with a `%` or a `/` would be read as another
 * one. Here it gets the address so that this undoes nothing, and each name is decoded once, where it is used.
 */

const escaped = (text: string): string => text.replace(/%/g, '%25');

/** The path as it stands in the address. */
export const useRawLocation: BaseLocationHook = () => {
  const [path, navigate] = useBrowserLocation();
  return [escaped(path), navigate];
};

/** The query as it stands in the address. */
export const useRawSearch: BaseSearchHook = () => escaped(useSearch());

/** The name that a part of a path stands for; the part itself if somebody typed what no name is written as. */
export const nameIn = (part: string): string => {
  try {
    return decodeURIComponent(part);
  } catch {
    return part;
  }
};
