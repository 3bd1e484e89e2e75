import { afterEach, expect, test, vi } from 'vitest';

afterEach(() => vi.restoreAllMocks());

const printed = async (example: string): Promise<string[]> => {
  const lines: string[] = [];
  vi.spyOn(console, 'log').mockImplementation((line) => void lines.push(String(line)));
  await import(`../examples/${example}.ts`);
  return lines;
};

test('smoothie prints its 14 events in the order of daguerreo, and the smoothie', async () => {
  expect(await printed('smoothie')).toEqual([
    'JOB > idle -> running',
    'diceBanana > unscheduled -> ready',
    'diceMango > unscheduled -> ready',
    'diceBanana > ready -> running',
    'diceMango > ready -> running',
    'diceBanana > running -> completed',
    'diceMango > running -> completed',
    'blend > unscheduled -> ready',
    'blend > ready -> running',
    'blend > running -> completed',
    'garnish > unscheduled -> ready',
    'garnish > ready -> running',
    'garnish > running -> completed',
    'JOB > running -> completed',
    'a smoothie of 5 pieces, with mint',
  ]);
});

test('sql-summary reports on both regions from SQLite, and refuses who may not read', async () => {
  const lines = await printed('sql-summary');
  // The regions are asked at the same time.
  expect(lines.slice(0, 2).sort()).toEqual([
    'To sales: north: 2 orders, 1 refunds, net 170',
    'To sales: south: 1 orders, 1 refunds, net 0',
  ]);
  expect(lines.slice(2)).toEqual(['checkAuth: NonRetryableError: mallory may not read the sales']);
});

test('readiness looks again until the site is ready', async () => {
  expect(await printed('readiness')).toEqual([
    'look 1: network notReady, waiting for the network',
    'look 1: dns skipped, upstreamNotReady',
    'look 1: database skipped, upstreamNotReady',
    'look 1: certificate skipped, upstreamNotReady',
    'look 1: website skipped, upstreamNotReady',
    'look 2: dns notReady, waiting for the dns record',
    'look 2: database notReady, waiting for the database',
    'look 2: certificate skipped, upstreamNotReady',
    'look 2: website skipped, upstreamNotReady',
    'look 3: certificate notReady, waiting for the certificate',
    'look 3: website skipped, upstreamNotReady',
    'look 4: ready at https://example.org',
  ]);
});
