/** Whether a task is inside another, by their paths: `outer/inner`, `name[3]`. */
export const isInside = (path: string, around: string): boolean =>
  path.startsWith(around) && (path[around.length] === '/' || path[around.length] === '[');
