/**
 * Shortens a UUID to the first 8 characters, or to more if another id begins the same. Ids of other forms were chosen
 * by the user and stay whole.
 */
export const shortId = (id: string, others: readonly string[]): string => {
  if (!UUID.test(id)) return id;
  for (let length = LEAST; length < id.length; length++) {
    const start = id.slice(0, length);
    if (!others.some((other) => other !== id && other.startsWith(start))) return start;
  }
  return id;
};

const UUID = /^[\da-f]{8}(?:-[\da-f]{4}){3}-[\da-f]{12}$/i;

const LEAST = 8;
