export const JOB_NAMES = `A JOB is named by its id, by the beginning of it, or as "last" for the newest.`;

export const INTERRUPTED = `A job is "interrupted" if it is not over and its process is gone: tintype resume JOB
goes on with it.`;

export const AS_RUN = `Exit codes are those of tintype run.`;
