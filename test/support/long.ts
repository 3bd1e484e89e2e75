/** Returns what the long form of a test has, in `npm run test:long`; else what the short one has. */
export const longOr = <Value>(long: Value, short: Value): Value =>
  process.env.TINTYPE_TEST_LONG === '1' ? long : short;

/** Returns all of a list in the long form of a test; in the short one each `parts`-th, beginning with a random one. */
export const allOrPart = <Value>(list: readonly Value[], parts: number): readonly Value[] => {
  const part = Math.floor(Math.random() * parts);
  return longOr(
    list,
    list.filter((_, index) => index % parts === part),
  );
};
