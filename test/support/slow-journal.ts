import { durable, type Journal } from 'tintype';
import { turns } from './turns.ts';

type Call = Exclude<keyof Journal, 'maxOutputBytes' | 'beatMs'>;

/**
 * What a process sees of a journal that answers some turns of the event loop after it was asked, with `turns: 0` at once.
 * Its calls can be held up, before they have done anything, and made to fail.
 */
export const slow = (store: Journal, { turns: count = 3 }: { readonly turns?: number } = {}) => {
  const held = new Map<Call, Promise<void>>();
  const broken = new Map<Call, Error>();
  const asked = new Map<Call, number>();
  const slowly = (name: Call) => {
    const call = (given: readonly unknown[]): unknown => {
      const error = broken.get(name);
      if (error) throw error;
      return (store[name] as (...all: readonly unknown[]) => unknown)(...given);
    };
    const later = async (given: readonly unknown[]): Promise<unknown> => {
      await turns(count);
      await held.get(name);
      return call(given);
    };
    return (...given: readonly unknown[]): unknown => {
      asked.set(name, (asked.get(name) ?? 0) + 1);
      return count === 0 && !held.has(name) ? call(given) : later(given);
    };
  };
  const names = Object.keys(store).filter((name): name is Call => typeof store[name as Call] === 'function');
  const journal = durable({
    maxOutputBytes: store.maxOutputBytes,
    beatMs: store.beatMs,
    ...Object.fromEntries(names.map((name) => [name, slowly(name)])),
  } as Journal);
  return {
    journal,
    /** How often a call was made. */
    asked: (name: Call): number => asked.get(name) ?? 0,
    /** Holds up all calls of a name, until what it answers is called. */
    hold: (name: Call): (() => void) => {
      let letGo = (): void => {};
      held.set(
        name,
        new Promise((resolve) => {
          letGo = () => {
            held.delete(name);
            resolve();
          };
        }),
      );
      return () => letGo();
    },
    /** Makes all calls of a name fail, until what it answers is called. */
    fail: (name: Call, error: Error = new Error(`no ${name}`)): (() => void) => {
      broken.set(name, error);
      return () => void broken.delete(name);
    },
  };
};
