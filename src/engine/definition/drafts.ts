import { textOf } from '../../events/error-data.ts';
import { JobDefinitionError } from '../errors/errors.ts';
import { optionProblem } from '../errors/problem.ts';
import type { TaskKind } from './options.ts';
import type { Sealed } from './sealed.ts';
import type { TaskFunction } from './task-function.ts';
import type { AnyTaskSpec } from './task-spec.ts';
import type { TaskDraft } from './validate.ts';

/** Converts task specs to the drafts that validation works on. @throws JobDefinitionError if `tasks` is not an array */
export const draftsOf = (name: string, tasks: readonly AnyTaskSpec[]): TaskDraft[] => {
  if (Array.isArray(tasks)) return Array.from(tasks, draftOf);
  const message = `The tasks are ${tasks === null ? 'null' : `of type ${typeof tasks}`}: expected an array of { name, run, … }.`;
  throw new JobDefinitionError(textOf(name), [optionProblem('tasks', message)]);
};

type AnySpec = {
  readonly name: string;
  readonly kind?: TaskKind;
  readonly run?: TaskFunction;
  readonly check?: TaskFunction;
  readonly each?: TaskFunction;
  readonly definition?: Sealed;
};

const draftOf = (spec: AnyTaskSpec): TaskDraft => {
  const { name, kind = 'task', run, ...rest } = (spec ?? {}) as AnySpec;
  if (kind === 'task') return { name, kind, run, options: rest };
  // A `run` beside `check`, `each` or `definition` is kept as an option: validation then reports it as unknown.
  const { [WORK[kind] as 'check']: work, ...others } = rest;
  const options = run === undefined ? others : { ...others, run };
  if (kind === 'job') return { name, kind, options, definition: work as unknown as Sealed };
  return { name, kind, options, run: work };
};

const WORK = { sensor: 'check', map: 'each', job: 'definition', external: undefined } as const;
