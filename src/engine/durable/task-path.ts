/** Returns the paths of the tasks that enclose a task, innermost first: `a/b` and `a` for `a/b[3]`. */
export const parentPaths = (path: string): readonly string[] => {
  const paths: string[] = [];
  for (let at = parentPath(path); at !== undefined; at = parentPath(at)) paths.push(at);
  return paths;
};

/** Whether a path is that of an instance of a fan-out. */
export const isInstancePath = (path: string): boolean => path.endsWith(']');

/** Whether a path is that of a task inside a nested job or fan-out. The outputs of others can refer to its output. */
export const isInnerPath = (path: string): boolean => parentPath(path) !== undefined;

/** Returns the path of the enclosing task, if there is one. Names contain neither slashes nor brackets. */
export const parentPath = (path: string): string | undefined => {
  const end = isInstancePath(path) ? path.lastIndexOf('[') : path.lastIndexOf('/');
  return end > 0 ? path.slice(0, end) : undefined;
};

/** Returns the path of a task with each instance of a fan-out around it as `name[]`. */
export const withoutNumbers = (path: string): string => path.replace(/\[\d+\]/g, '[]');
