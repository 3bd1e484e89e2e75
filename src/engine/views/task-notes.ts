import { planInside, type TaskDefinition } from '../definition/plan.ts';

/** Returns a task's notes, such as its kind, trigger and pool, in the words of workflow files. */
export const taskNotes = (task: TaskDefinition): readonly string[] => {
  const { kind, nested, trigger, when, pool, slots, continueOnFailure } = task;
  const each = nested?.each?.kind;
  const count = planInside(task)?.tasks.length;
  const size = count === undefined ? '' : ` of ${count} ${count === 1 ? 'task' : 'tasks'}`;
  return [
    ...(kind === undefined ? [] : [each === undefined ? `${kind}${size}` : `${kind}: ${each}${size}`]),
    ...(trigger === undefined || trigger === 'allSuccess' ? [] : [`trigger ${snakeCase(trigger)}`]),
    ...(when ? ['conditional'] : []),
    ...(pool === undefined ? [] : [`pool ${pool}${slots === undefined || slots === 1 ? '' : ` (${slots} slots)`}`]),
    ...(continueOnFailure ? ['may fail'] : []),
  ];
};

const snakeCase = (name: string): string => name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
