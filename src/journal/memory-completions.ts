import { type JournalCompletions, MAX_COMPLETIONS } from '../engine/durable/journal.ts';

/** Keeps what tasks completed with as long as the process lasts. */
export const memoryCompletions = (): JournalCompletions => {
  const texts = new Map<string, string>();
  return {
    get: (key) => texts.get(key),
    put: (key, text) => {
      // The one written longest ago comes first.
      texts.delete(key);
      texts.set(key, text);
      const [oldest] = texts.keys();
      if (texts.size > MAX_COMPLETIONS && oldest !== undefined) texts.delete(oldest);
    },
  };
};
