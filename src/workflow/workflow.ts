import { stat } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import type { JobDefinition } from '../engine/definition.ts';
import { jobFrom } from '../engine/job-from.ts';
import type { TaskFunction } from '../engine/task-function.ts';
import { bash } from '../executors/bash.ts';
import type { ProcessOptions } from '../executors/process.ts';
import { python } from '../executors/python.ts';
import { parseWorkflow } from './parse-workflow.ts';
import { readWorkflowFile } from './read-file.ts';
import type { Workflow, WorkflowTask } from './schema.ts';

/**
 * The definition that a YAML file describes. Its commands run in the directory of the file; in that of this process
 * when it is a pipe. @throws WorkflowError
 */
export const loadWorkflow = async (file: string, options: ProcessOptions = {}): Promise<JobDefinition> => {
  const workflow = parseWorkflow(await readWorkflowFile(file), file);
  const cwd = (await stat(file)).isFile() ? dirname(resolve(file)) : process.cwd();
  return toDefinition(workflow, { cwd, ...options });
};

/** The definition of a workflow that was parsed. */
export const toDefinition = (workflow: Workflow, options: ProcessOptions = {}): JobDefinition =>
  jobFrom(
    workflow.name,
    workflow.tasks.map((task) => ({
      name: task.name,
      dependsOn: task.dependencies,
      run: executorOf(task, options),
      ...(task.max_retries === undefined ? {} : { maxRetries: task.max_retries }),
      ...(task.timeout === undefined ? {} : { timeout: task.timeout }),
      ...(task.continue_on_failure === undefined ? {} : { continueOnFailure: task.continue_on_failure }),
    })),
  );

const executorOf = ({ type, command }: WorkflowTask, options: ProcessOptions): TaskFunction =>
  ({ bash, python })[type](command, options);
