import { createHash } from 'node:crypto';
import { PLAN, type Plan, type TaskDefinition } from '../plan.ts';

/** A SHA-256 of the shape of a definition. */
export const fingerprintOf = (plan: Plan): string => createHash('sha256').update(shapeText(plan)).digest('hex');

/** The shape of a definition as JSON: what its fingerprint stands for. */
export const shapeText = (plan: Plan): string => JSON.stringify(shapeOf(plan));

/** What makes a definition what it is. What a task leaves at its default leaves no trace. */
const shapeOf = ({ name, tasks }: Plan): unknown => [name, tasks.map(taskShape).sort(([a], [b]) => (a < b ? -1 : 1))];

const taskShape = (task: TaskDefinition): readonly [string, ...unknown[]] => {
  const { name, dependsOn, continueOnFailure = false, kind, trigger = 'allSuccess', when, nested } = task;
  const more = {
    ...(kind && { kind }),
    ...(trigger !== 'allSuccess' && { trigger }),
    ...(when && { when: true }),
    ...(nested?.definition && { job: shapeOf(nested.definition[PLAN] as Plan) }),
  };
  const shape = [name, [...dependsOn].sort(), continueOnFailure] as const;
  return Object.keys(more).length === 0 ? shape : [...shape, more];
};
