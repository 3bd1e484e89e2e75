import { expect, test } from 'vitest';
import { FiledOutputs } from '../../../src/cli/stored/filed-outputs.ts';
import type { JobEvent } from '../../../src/events/event.ts';

const completed = (seq: number): JobEvent => ({
  type: 'task.transition',
  jobId: 'one',
  jobName: 'job',
  seq,
  at: 0,
  task: `inner/t${seq}`,
  from: 'running',
  to: 'completed',
  attempt: 1,
});

test('outputs that multiply each other by references are refused before they fill the memory', () => {
  const outputs = new FiledOutputs();
  expect(outputs.add(completed(1), { a: 'x'.repeat(1024) })).toBeUndefined();
  let problem: string | undefined;
  let seq = 1;
  while (!problem) {
    const reference = { $tintype: 'Output', value: [seq, 'a'] };
    problem = outputs.add(completed(++seq), { a: [reference, reference] });
  }
  expect([seq, problem]).toEqual([21, '"output" stands for more than 1024 MiB, with what it refers to']);
  const reference = { $tintype: 'Output', value: 20 };
  expect(outputs.problemIn([reference])).toBeUndefined();
  expect(outputs.problemIn([reference, reference])).toBe(
    '"value" stands for more than 1024 MiB, with what it refers to',
  );
});
