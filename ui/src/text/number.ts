const format = new Intl.NumberFormat('en');

/** `12,345` */
export const numberText = (value: number): string => format.format(value);

/** `1 task`, `1,200 tasks` */
export const countText = (count: number, one: string, many = `${one}s`): string =>
  `${numberText(count)} ${count === 1 ? one : many}`;
