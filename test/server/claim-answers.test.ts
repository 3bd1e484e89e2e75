import { expect, test } from 'vitest';
import type { ClaimedUnitBody } from '../../src/server/schemas/unit.ts';
import { ClaimAnswers, MAX_ANSWERS } from '../../src/server/units/claim-answers.ts';

const claimed = (id: string, leaseEndsAt: number): readonly ClaimedUnitBody[] => [
  {
    id,
    jobId: 'j',
    jobName: 'dinner',
    name: id,
    state: 'claimed',
    attempt: 1,
    priority: 0,
    deps: {},
    token: `token of ${id}`,
    leaseEndsAt,
  },
];

test('of claims with long leases the last ones are remembered, and the oldest are forgotten', async () => {
  const answers = new ClaimAnswers(() => 0);
  const claim = (key: number) => answers.once(`${key}`, 'same', async () => claimed(`u${key}`, 86_400_000));
  for (let key = 0; key <= MAX_ANSWERS; key++) await claim(key);
  expect(await claim(MAX_ANSWERS - 100)).toEqual({
    repeated: [{ id: `u${MAX_ANSWERS - 100}`, token: `token of u${MAX_ANSWERS - 100}` }],
  });
  expect(await claim(0)).toHaveProperty('units');
});

test('answers whose leases are over are forgotten, also while others wait', async () => {
  let now = 0;
  const answers = new ClaimAnswers(() => now);
  const claim = (key: string) => answers.once(key, 'same', async () => claimed(key, now + 1000));
  await claim('a');
  expect(await claim('a')).toHaveProperty('repeated');
  now = 1000;
  expect(await claim('a')).toHaveProperty('units');
});
