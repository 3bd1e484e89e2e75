import { createHash } from 'node:crypto';
import { type FanOut, type Plan, planInside, type TaskDefinition } from './plan.ts';

/** The structure of a definition as JSON, and the SHA-256 of that JSON in hex. */
export type DefinitionShape = { readonly shape: string; readonly fingerprint: string };

/** Returns the shape of a plan's definition, without tasks that were added to a running job. Computed once per plan. */
export const definitionShape = (given: Plan): DefinitionShape => {
  const plan = given.sealed ?? given;
  const known = SHAPES.get(plan);
  if (known) return known;
  const shape = JSON.stringify(shapeOf(plan));
  const answer = { shape, fingerprint: createHash('sha256').update(shape).digest('hex') };
  SHAPES.set(plan, answer);
  return answer;
};

const SHAPES = new WeakMap<Plan, DefinitionShape>();

/** Returns the structure that the fingerprint hashes. Tasks are sorted by name; default values are left out. */
const shapeOf = ({ name, tasks }: Plan): unknown => [name, tasks.map(taskShape).sort(([a], [b]) => (a < b ? -1 : 1))];

const taskShape = (task: TaskDefinition): readonly [string, ...unknown[]] => {
  const { name, dependsOn, continueOnFailure = false, kind, trigger = 'allSuccess', when, sensor, nested } = task;
  const { maxFailures, collect } = (nested ?? {}) as Partial<FanOut>;
  const inside = planInside(task);
  const more = {
    ...(kind && { kind }),
    ...(trigger !== 'allSuccess' && { trigger }),
    ...(when && { when: true }),
    ...(sensor?.softFail && { softFail: true }),
    ...(nested?.each && { each: nested.each.kind }),
    ...(maxFailures !== undefined && { settled: true }),
    ...(collect === false && { collect }),
    ...(inside && { job: shapeOf(inside) }),
  };
  const shape = [name, [...dependsOn].sort(), continueOnFailure] as const;
  return Object.keys(more).length === 0 ? shape : [...shape, more];
};
