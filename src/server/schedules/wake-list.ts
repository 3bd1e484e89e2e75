import { SortedList } from '../lists/sorted-list.ts';

/** When there is something to do for a schedule, in epoch ms. */
export type Wake = { readonly at: number; readonly name: string };

/** What comes first of many schedules, found in a time that hardly grows with their number. */
export type WakeList = {
  readonly first: () => Wake | undefined;
  /** Notes the time of a schedule in place of that before; undefined if there is nothing to do. */
  readonly put: (name: string, at: number | undefined) => void;
  readonly remove: (name: string) => void;
};

export const wakeList = (): WakeList => {
  const list = new SortedList<Wake>((a, b) => a.at - b.at || compareText(a.name, b.name));
  const byName = new Map<string, Wake>();
  const remove = (name: string): void => {
    const known = byName.get(name);
    if (!known) return;
    byName.delete(name);
    list.remove(known);
  };
  return {
    first: () => list.first(),
    put: (name, at) => {
      remove(name);
      if (at === undefined) return;
      const wake = { at, name };
      byName.set(name, wake);
      list.add(wake);
    },
    remove,
  };
};

export const compareText = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
