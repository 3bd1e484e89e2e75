import { join } from 'node:path';
import { createEngine } from 'tintype';
import { loadWorkflow } from 'tintype/workflow';
import { expect, test } from 'vitest';
import { distantExecutor } from '../support/distant-executor.ts';
import { folderOf, problemsOf } from '../support/run-workflow.ts';

test('runs_on of a file says which workers perform a task and its items; defaults and groups say it for theirs', async () => {
  const folder = folderOf({
    'w.yaml': `
name: training
defaults: { runs_on: [eu] }
tasks:
  - { name: load, type: bash, command: 'true' }
  - { name: train, type: bash, command: 'true', runs_on: [gpu, eu], map: { over: [1] } }
  - { name: wait, type: sensor, command: 'true', runs_on: [a.b/c-1] }
  - { name: group, type: job, defaults: { runs_on: [us] }, tasks: [{ name: inner, type: bash, command: 'true' }] }
`,
  });
  const { definition } = await loadWorkflow(join(folder, 'w.yaml'));
  const tags = ['a.b/c-1', 'eu', 'gpu', 'us'];
  const { executor, seen } = distantExecutor([{ name: 'anna', tags, slots: 9 }]);
  const job = createEngine({ executor }).start(definition);
  expect((await job).state).toBe('completed');
  expect(Object.fromEntries(seen.performed.map(({ task, tags }) => [task, tags]))).toEqual({
    load: ['eu'],
    train: ['eu', 'gpu'],
    'train[0]': ['eu', 'gpu'],
    wait: ['a.b/c-1'],
    'group/inner': ['us'],
  });
});

test('the words of other formats for it are known', async () => {
  const [problem] = await problemsOf("tasks:\n  - { name: a, type: bash, command: 'true', runs-on: [gpu] }");
  expect(problem).toContain('It is called "runs_on" here.');
});
