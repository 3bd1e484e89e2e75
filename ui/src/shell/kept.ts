export type Kept = {
  readonly get: (name: string) => string | undefined;
  /** Undefined removes it. */
  readonly set: (name: string, value: string | undefined) => void;
};

/** What a browser keeps for the page. Where it may not, or has no room, the page knows it until it is left. */
const keptIn = (storage: () => Storage): Kept => {
  const own = new Map<string, string | undefined>();
  return {
    get: (name) => {
      if (own.has(name)) return own.get(name);
      try {
        return storage().getItem(name) ?? undefined;
      } catch {
        return undefined;
      }
    },
    set: (name, value) => {
      own.set(name, value);
      try {
        if (value === undefined) storage().removeItem(name);
        else storage().setItem(name, value);
      } catch {}
    },
  };
};

/** For all tabs, also later ones. */
export const kept = keptIn(() => localStorage);

/** For this tab alone, until it is closed. */
export const keptInTab = keptIn(() => sessionStorage);
