// The graphs that are run, as plain lists of { name, dependsOn }: every contestant builds its own form from them.

export const chain = (length) => tasksOf(length, (index) => (index === 0 ? [] : [index - 1]));

export const flat = (width) => tasksOf(width, () => []);

/** Each task waits on `fanIn` neighbours of the layer above. */
export const layered = (layers, width, fanIn = 3) =>
  tasksOf(layers * width, (index) => {
    const above = Math.floor(index / width) * width - width;
    if (above < 0) return [];
    return Array.from({ length: fanIn }, (_, offset) => above + ((index + offset) % width));
  });

/** `prefix` keeps the names of one job apart from those of another. */
export const three = (prefix = '') => [
  { name: `${prefix}extract`, dependsOn: [] },
  { name: `${prefix}transform`, dependsOn: [`${prefix}extract`] },
  { name: `${prefix}load`, dependsOn: [`${prefix}transform`] },
];

const tasksOf = (count, needsOf) =>
  Array.from({ length: count }, (_, index) => ({
    name: `task-${index}`,
    dependsOn: needsOf(index).map((need) => `task-${need}`),
  }));
