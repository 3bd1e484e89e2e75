/* Entry point `tintype/workflow`: loads workflow files, which are job definitions in YAML. */
export { MASKED, type Mask } from './executors/mask/mask.ts';
export { workflowJsonSchema } from './workflow/json-schema.ts';
export {
  WorkflowError,
  type WorkflowProblem,
  type WorkflowProblemCode,
  type WorkflowWarning,
  type WorkflowWarningCode,
} from './workflow/problem.ts';
export { type Selection, SelectionError } from './workflow/select-tasks.ts';
export type { UpToDateCheck, UpToDateOptions } from './workflow/up-to-date.ts';
export { type LoadedWorkflow, loadWorkflow, type WorkflowOptions } from './workflow/workflow.ts';
