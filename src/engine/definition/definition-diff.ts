import { type DefinitionChange, JournalError } from '../errors/errors.ts';
import { definitionShape } from './definition-shape.ts';
import type { Plan } from './plan.ts';

/**
 * Policy for a changed definition: `refuse` throws, `accept` continues unless a removed or changed task has begun,
 * `force` always continues.
 */
export type ChangePolicy = 'refuse' | 'accept' | 'force';

/** A task in the JSON written by `definition-shape.ts`. `more` is absent if it would be empty. */
type TaskShape = readonly [
  name: string,
  dependsOn: readonly string[],
  continueOnFailure: boolean,
  more?: {
    readonly kind?: string;
    readonly trigger?: string;
    readonly when?: true;
    readonly softFail?: true;
    /** The kind of each instance of a fan-out, if it does not just run a function. */
    readonly each?: string;
    /** Whether a fan-out has `maxFailures`, which makes its results settled ones. */
    readonly settled?: true;
    readonly collect?: false;
    readonly job?: JobShape;
  },
];

type JobShape = readonly [name: string, tasks: readonly TaskShape[]];

/** Compares a stored definition (`storedShape` is JSON) with the current one. Returns the differences task by task. */
export const definitionChanges = (storedShape: string, now: Plan): readonly DefinitionChange[] =>
  changesOf(JSON.parse(storedShape) as JobShape, JSON.parse(definitionShape(now).shape) as JobShape, '');

const changesOf = ([, before]: JobShape, [, after]: JobShape, prefix: string): readonly DefinitionChange[] => {
  const was = new Map(before.map((task) => [task[0], task]));
  const is = new Map(after.map((task) => [task[0], task]));
  const added = after.flatMap(([name]) => (was.has(name) ? [] : { kind: 'added' as const, task: prefix + name }));
  const removed = before.flatMap(([name]) => (is.has(name) ? [] : { kind: 'removed' as const, task: prefix + name }));
  const changed = before.flatMap((task): readonly DefinitionChange[] => {
    const now = is.get(task[0]);
    return now ? changesOfTask(task, now, prefix) : [];
  });
  return [...added, ...removed, ...changed];
};

const changesOfTask = (was: TaskShape, is: TaskShape, prefix: string): readonly DefinitionChange[] => {
  const [name, dependsOn, tolerated, before = {}] = was;
  const [, dependsNow, toleratedNow, after = {}] = is;
  const task = prefix + name;
  const differences = [
    JSON.stringify(dependsOn) !== JSON.stringify(dependsNow) &&
      `depends on ${listText(dependsNow)} instead of ${listText(dependsOn)}`,
    (before.kind ?? 'task') !== (after.kind ?? 'task') &&
      `is of the kind ${after.kind ?? 'task'} instead of ${before.kind ?? 'task'}`,
    before.each !== after.each && `runs ${eachText(after.each)} for each item instead of ${eachText(before.each)}`,
    before.trigger !== after.trigger &&
      `has the rule ${after.trigger ?? 'allSuccess'} instead of ${before.trigger ?? 'allSuccess'}`,
    before.when !== after.when && `has ${after.when ? 'a' : 'no'} condition`,
    before.softFail !== after.softFail && `has softFail ${after.softFail ?? false}`,
    before.settled !== after.settled && `has ${after.settled ? 'a' : 'no'} maxFailures`,
    before.collect !== after.collect && `has collect ${after.collect ?? true}`,
    tolerated !== toleratedNow && `has continueOnFailure ${toleratedNow}`,
  ];
  const inside = before.job && after.job ? changesOf(before.job, after.job, `${task}/`) : [];
  return [...differences.flatMap((what) => (what ? { kind: 'changed' as const, task, what } : [])), ...inside];
};

const eachText = (kind = 'function'): string => `a ${kind}`;

const listText = (names: readonly string[]): string => names.join(', ') || 'nothing';

export const changeText = ({ kind, task, what }: DefinitionChange): string =>
  kind === 'changed' ? `"${task}" ${what}` : `"${task}" was ${kind}`;

/** Returns the changes in words. @throws JournalError `DEFINITION_CHANGED` if the policy refuses a change */
export const acceptedChanges = (
  job: { readonly id: string; readonly name: string },
  changes: readonly DefinitionChange[],
  policy: ChangePolicy,
  hasBegun: (task: string) => boolean,
): readonly string[] => {
  const tooLate = changes.filter(({ kind, task }) => kind !== 'added' && hasBegun(task));
  const refused = policy === 'refuse' ? changes : policy === 'accept' ? tooLate : [];
  if (refused.length === 0) return changes.map(changeText);
  const lines = refused.map((change) => `- ${changeText(change)}`).join('\n');
  const remedy =
    policy === 'refuse'
      ? `engine.resume("${job.id}", { changed: "accept" }) goes on where what was removed or changed has not begun, "force" in any case.`
      : 'That has begun already; changed: "force" goes on in any case.';
  const message = `The definition of job "${job.name}" ("${job.id}") has changed since it was started:\n${lines}\n${remedy}`;
  throw new JournalError('DEFINITION_CHANGED', message, { jobId: job.id, changes });
};
