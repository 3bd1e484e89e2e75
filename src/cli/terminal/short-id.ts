/** As much of an id as tells it from the others: of a UUID 8 characters or more; another one, which somebody chose, is shown whole. */
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
