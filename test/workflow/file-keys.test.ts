import { expect, test } from 'vitest';
import { runWorkflow } from '../support/run-workflow.ts';

/** How many of the tasks ran at once, at most. */
const mostAtOnce = ({ events }: Awaited<ReturnType<typeof runWorkflow>>, inner = ''): number => {
  let [now, most] = [0, 0];
  for (const event of events) {
    if (event.type !== 'task.transition' || !event.task.startsWith(inner)) continue;
    if (event.to === 'running') most = Math.max(most, ++now);
    else if (event.from === 'running') now--;
  }
  return most;
};

const FOUR = `tasks:
${['a', 'b', 'c', 'd'].map((name) => `  - { name: ${name}, type: bash, command: 'true' }\n`).join('')}`;

test('workers: so many tasks run at once, unless the start says otherwise', async () => {
  expect(mostAtOnce(await runWorkflow(`workers: 2\n${FOUR}`))).toBe(2);
  expect(mostAtOnce(await runWorkflow(`workers: 2\n${FOUR}`, { start: { maxConcurrency: 3 } }))).toBe(3);
});

test('workers: those of a file that a task runs are its own', async () => {
  const files = { 'inner.yaml': `name: inner\nworkers: 1\n${FOUR}` };
  const ran = await runWorkflow('workers: 4\ntasks: [{ name: in, type: job, file: inner.yaml }]', { files });
  expect(mostAtOnce(ran, 'in/')).toBe(1);
});
