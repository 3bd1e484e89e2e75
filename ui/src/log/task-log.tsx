export const TaskLog = (_: { jobId: string; path: string; attempt: number; isLive: boolean }) => null;
