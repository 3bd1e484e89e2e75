/** Why a task was skipped or cancelled, in words for people. */
export const SKIP_REASONS: Readonly<Record<string, string>> = {
  branch: 'a branch passed it over',
  jobCancelled: 'the job was cancelled',
  jobFailed: 'the job failed',
  jobTimedOut: 'the job ran out of time',
  triggerRule: 'its trigger rule says so',
  upstreamFailed: 'a task upstream of it failed',
  upstreamNotReady: 'a task upstream of it is not ready',
  upstreamSkipped: 'a task upstream of it was skipped',
  when: 'its condition did not hold',
};
