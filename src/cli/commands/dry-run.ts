import { handlersOf } from '../../workflow/handlers.ts';
import type { LoadedWorkflow } from '../../workflow/workflow.ts';
import { stagesOf } from '../drawing/stages.ts';
import { counted } from '../terminal/counted.ts';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { createPrinter } from '../terminal/printer.ts';
import { inertJson } from '../terminal/safe-text.ts';

type DryRunOptions = { readonly workers: number; readonly json?: boolean };

/** Prints the order in which tasks would run, and which could run in parallel. Runs nothing. */
export const dryRun = (
  { workflow, definition }: LoadedWorkflow,
  { workers, json }: DryRunOptions,
  io: CliIo,
): number => {
  const handlers = handlersOf(workflow).map(({ task: { name }, states }) => ({ name, states }));
  const stages = stagesOf(definition, new Set(handlers.map(({ name }) => name)));
  if (json) {
    io.stdout.write(`${inertJson(JSON.stringify({ name: definition.name, workers, stages, handlers }))}\n`);
    return EXIT.completed;
  }
  const out = createPrinter(io.stdout, io.env);
  const { line, style, sanitize } = out;
  const count = counted(workflow.tasks.length, 'task');
  line(`${style('bold', sanitize(definition.name))} would run ${count}, at most ${workers} at once:`);
  line();
  const width = String(stages.length).length;
  for (const [index, names] of stages.entries()) {
    line(`  ${String(index + 1).padStart(width)}  ${names.map(sanitize).join(', ')}`);
  }
  const conditions = workflow.tasks
    .filter(({ when }) => when)
    .map(({ name, when }) => `${sanitize(name)} runs only if ${sanitize(when?.source ?? '')}`);
  line();
  if (stages.some(({ length }) => length > 1)) line('Tasks on one line may run side by side.');
  for (const condition of conditions) line(condition);
  for (const { name, states } of handlers) line(`${sanitize(name)} runs at the end ${whenOf(states)}`);
  out.flush();
  return EXIT.completed;
};

const whenOf = (states: readonly string[]): string => {
  if (states.length > 2) return 'in any case';
  return states.includes('completed') ? 'if the job completed' : 'if the job failed or ran out of time';
};
