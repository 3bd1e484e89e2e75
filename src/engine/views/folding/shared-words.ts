/** Returns the words that all names have, as `orders` for `extract_orders`, `clean_orders`; empty if there is none. */
export const sharedWords = (names: readonly string[]): string => {
  const [first = '', ...others] = names;
  let shared = wordsOf(first);
  for (const name of others) {
    if (shared.length === 0) return '';
    const words = new Set(wordsOf(name));
    shared = shared.filter((word) => words.has(word));
  }
  return shared.join(first.includes('_') ? '_' : ' ');
};

const wordsOf = (name: string): readonly string[] => name.split(/[_\s.\-[\]]+/).filter(Boolean);
