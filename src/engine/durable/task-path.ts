/** Returns the paths of the tasks around a task, nearest first: for `a/b[3]`, `a/b` and `a`. */
export const parentPaths = (path: string): readonly string[] => {
  const paths: string[] = [];
  for (let at = parentPath(path); at !== undefined; at = parentPath(at)) paths.push(at);
  return paths;
};

/** Returns the path of the task around a task. Names contain neither slashes nor brackets. */
export const parentPath = (path: string): string | undefined => {
  const end = path.endsWith(']') ? path.lastIndexOf('[') : path.lastIndexOf('/');
  return end > 0 ? path.slice(0, end) : undefined;
};
