import { isDeepStrictEqual } from 'node:util';

type Mapping = Readonly<Record<string, unknown>>;
type Axes = Readonly<Record<string, readonly unknown[]>>;

/** What else a matrix has, and has not. */
export type MatrixOptions<Include extends Mapping = Mapping, Exclude extends Mapping = Mapping> = {
  /**
   * Each of these is added to all combinations of which it would change no value of an axis; if there are none, it becomes
   * an item of its own. One may change what another has added.
   */
  readonly include?: readonly Include[] | undefined;
  /** Combinations that have all values of one of these are left out, before anything is included. */
  readonly exclude?: readonly Exclude[] | undefined;
};

/** An item of a matrix. With `include`, it may have more keys, and one that is included alone may lack those of axes. */
export type MatrixItem<Lists extends Axes, Include> = {
  readonly [Key in keyof Lists]:
    | Lists[Key][number]
    | ([Include] extends [never] ? never : Include extends { readonly [In in Key]: infer Value } ? Value : undefined);
} & { readonly [Key in Exclude<KeyOf<Include>, keyof Lists>]?: ValueOf<Include, Key> };

type KeyOf<Include> = Include extends unknown ? keyof Include : never;
type ValueOf<Include, Key> = Include extends { readonly [In in Key & PropertyKey]: infer Value } ? Value : never;

/**
 * Returns the combinations of the values of all axes, as items for `over`: the last axis changes first. `include` and
 * `exclude` work as in GitHub Actions. @throws RangeError if there are more than 1,000,000 combinations
 */
export const matrix = <const Lists extends Axes, const Include extends Mapping = never>(
  axes: Lists,
  { include = [], exclude = [] }: MatrixOptions<Include, { readonly [Key in keyof Lists]?: Lists[Key][number] }> = {},
): readonly MatrixItem<Lists, Include>[] => {
  const lists = Object.entries<readonly unknown[]>(axes);
  if (lists.reduce((product, [, values]) => product * values.length, 1) > MAX_COMBINATIONS)
    throw new RangeError(`The matrix has more than ${MAX_COMBINATIONS} combinations. Let each item stand for several.`);
  const all = lists.reduce<readonly Mapping[]>(
    (items, [key, values]) => items.flatMap((item) => values.map((value) => ({ ...item, [key]: value }))),
    lists.length === 0 ? [] : [{}],
  );
  const kept = all.filter((item) => !exclude.some((one) => Object.keys(one).every((key) => isSame(item, one, key))));
  const items = kept.map((item) => ({ own: item, whole: { ...item } }));
  const alone: Mapping[] = [];
  for (const one of include) {
    const keys = Object.keys(one).filter((key) => Object.hasOwn(axes, key));
    const fitting = items.filter(({ own }) => keys.every((key) => isSame(own, one, key)));
    for (const { whole } of fitting) Object.assign(whole, one);
    if (fitting.length === 0) alone.push({ ...one });
  }
  return [...items.map(({ whole }) => whole), ...alone] as never;
};

const MAX_COMBINATIONS = 1_000_000;

const isSame = (item: Mapping, other: Mapping, key: string): boolean => isDeepStrictEqual(item[key], other[key]);
