/** The paths of the tasks around one, from the nearest: `a/b[3]` is inside `a/b`, and that inside `a`. */
export const pathsAround = (path: string): readonly string[] => {
  const paths: string[] = [];
  for (let at = parentPath(path); at !== undefined; at = parentPath(at)) paths.push(at);
  return paths;
};

/** The path of the task around one; names hold neither slashes nor brackets. */
export const parentPath = (path: string): string | undefined => {
  const end = path.endsWith(']') ? path.lastIndexOf('[') : path.lastIndexOf('/');
  return end > 0 ? path.slice(0, end) : undefined;
};
