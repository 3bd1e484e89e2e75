/** Why a task was skipped, for people. */
export const SKIP_REASONS: Readonly<Record<string, string>> = {
  branch: 'a branch passed it over',
  triggerRule: 'its trigger rule says so',
  upstreamFailed: 'a task upstream of it failed',
  upstreamNotReady: 'a task upstream of it is not ready',
  upstreamSkipped: 'a task upstream of it was skipped',
  when: 'its condition did not hold',
};
