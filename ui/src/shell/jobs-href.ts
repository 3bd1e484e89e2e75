let query = '';

/** Keeps what the list of jobs is filtered by, for who comes back to it. */
export const keepListQuery = (text: string): void => {
  query = text;
};

/** The list of jobs as it was left. */
export const jobsHref = (): string => (query === '' ? '/' : `/?${query}`);
