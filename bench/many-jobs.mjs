export const TOPICS = ['kitchen', 'garden', 'office'];

const BURST = 500;
const STATES = ['completed', 'completed', 'completed', 'failed', 'cancelled'];
const ENDED = JSON.stringify({ type: 'job.transition', from: 'running', to: 'completed' });

/** Stores jobs that are over: `job-0`, `job-1` and so on, 500 each created in the same ms, the last ones at `now`. */
export const storeManyJobs = async (journal, count, now) => {
  const lease = { owner: 'bench', host: 'bench', pid: 1, processStart: '' };
  for (let from = 0; from < count; from += BURST) {
    const numbers = Array.from({ length: Math.min(BURST, count - from) }, (_, at) => from + at);
    await journal.append(
      numbers.map((number) => ({
        jobId: `job-${number}`,
        fence: 1,
        at: now,
        creates: {
          job: {
            id: `job-${number}`,
            name: number % 10 === 0 ? 'weekly' : 'nightly',
            createdAt: now - count + from,
            fingerprint: 'f',
            shape: '[]',
            input: '{}',
            options: '{}',
            metadata: '{}',
            labels: { topic: TOPICS[number % 3], team: `team-${number % 7}` },
          },
          lease,
        },
        events: [{ seq: 0, data: ENDED }],
        notes: [],
        state: STATES[number % STATES.length],
        startedAt: now - 500,
        endedAt: now - 400,
        release: true,
      })),
    );
  }
};
