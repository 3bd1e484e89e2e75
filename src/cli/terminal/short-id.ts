/** Shortens a UUID to 8 characters, or more if another id begins the same. Other ids, chosen by users, stay whole. */
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
