/** The id of the unit that a task of a job is: the job's id and the path as base64url. */
export const unitIdOf = (jobId: string, path: string): string => {
  const bytes = new TextEncoder().encode(path);
  const text = btoa(String.fromCharCode(...bytes));
  return `${jobId}.${text.replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '')}`;
};

/** The path of the task that a unit is. */
export const pathOfUnit = (unitId: string): string => {
  const text = unitId
    .slice(unitId.lastIndexOf('.') + 1)
    .replace(/-/g, '+')
    .replace(/_/g, '/');
  return new TextDecoder().decode(Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0)));
};
