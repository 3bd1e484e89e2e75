/** The id of a unit: that of its job, and its path in letters that need no encoding within a URL. */
export const unitId = (jobId: string, path: string): string => `${jobId}.${Buffer.from(path).toString('base64url')}`;

export type UnitPlace = { readonly jobId: string; readonly path: string };

/** Returns what an id stands for; undefined if it is none. */
export const placeOfUnit = (id: string): UnitPlace | undefined => {
  const dot = id.lastIndexOf('.');
  const jobId = id.slice(0, Math.max(dot, 0));
  const path = Buffer.from(id.slice(dot + 1), 'base64url').toString();
  return jobId !== '' && path !== '' && unitId(jobId, path) === id ? { jobId, path } : undefined;
};
