/* Jobs that a client describes as one JSON document of tasks and units. `compile.ts` makes a definition of it, with a
 * nested job for each task and an external task for each unit; `output-schema.ts` checks what units put out.
 * `documents.ts` keeps the documents of jobs and drafts. */

import type { AnyTaskSpec, ExternalSpec } from '../../engine/definition/task-spec.ts';
import { didYouMean } from '../../engine/errors/suggest.ts';
import type { AnyDefinition } from '../../engine/job-definition.ts';
import { jobFrom } from '../../engine/job-from.ts';
import { HttpProblem } from '../http/problem.ts';
import type { Document, DocumentTask, DocumentUnit, UnitDefinitions } from '../schemas/document.ts';
import { outputSchema } from './output-schema.ts';

type Fault = { readonly path: string; readonly code: string; readonly message: string };

/** Takes the parts of definitions over into the units that use them. @throws HttpProblem `INVALID_DEFINITION` */
export const resolveUses = (document: Document, ofTopic: UnitDefinitions): Document => {
  const definitions = { ...ofTopic, ...document.definitions };
  const faults: Fault[] = [];
  const tasks = document.tasks.map((task, at) => ({
    ...task,
    units: task.units.map((unit, index) => {
      const { use, ...own } = unit;
      const path = `document.tasks[${at}].units[${index}]`;
      const used = use === undefined ? {} : Object.hasOwn(definitions, use) ? definitions[use] : undefined;
      if (!used) {
        const names = Object.keys(definitions);
        const hint = didYouMean(use as string, names) || (names.length > 0 ? ` There are ${names.join(', ')}.` : '');
        faults.push({
          path: `${path}.use`,
          code: 'UNKNOWN_REFERENCE',
          message: `There is no definition "${use}".${hint}`,
        });
      } else if (own.owner === undefined && used.owner === undefined) {
        faults.push({
          path,
          code: 'MISSING_KEY',
          message: `The unit "${unit.name}" has no owner: say who may work on it.`,
        });
      }
      return { ...used, ...own };
    }),
  }));
  if (faults.length > 0) throw invalid(faults);
  const { definitions: _, ...rest } = document;
  requireSize(document, definitions);
  return { ...rest, tasks };
};

/** Refuses a document that is small only since many units use one large definition. @throws HttpProblem */
const requireSize = ({ tasks }: Document, definitions: UnitDefinitions): void => {
  const sizes = new Map(Object.entries(definitions).map(([name, parts]) => [name, JSON.stringify(parts).length]));
  const taken = tasks.flatMap(({ units }) => units.map(({ use }) => sizes.get(use ?? '') ?? 0));
  if (taken.reduce((sum, size) => sum + size, 0) <= MAX_TAKEN_OVER) return;
  const message = `The definitions that the units use are more than ${MAX_TAKEN_OVER / 2 ** 20} MiB, counted for each unit. Put less data into them.`;
  throw invalid([{ path: 'document.definitions', code: 'TOO_LARGE', message }]);
};

/** In characters of JSON. */
const MAX_TAKEN_OVER = 8 * 2 ** 20;

/** Makes the definition of a document whose uses are resolved. @throws HttpProblem, JobDefinitionError */
export const compileDocument = ({ name, tasks, onFailure = 'continue', timeoutMs }: Document): AnyDefinition =>
  jobFrom(name, compileTasks(tasks), { onFailure, timeout: timeoutMs });

/** Makes the nested jobs of tasks, as they are added to a job. @throws HttpProblem, JobDefinitionError */
export const compileTasks = (tasks: readonly DocumentTask[]): readonly AnyTaskSpec[] => {
  const faults: Fault[] = [];
  const specs = tasks.map(({ name, dependsOn, continueOnFailure, units }, at): AnyTaskSpec => {
    const inner = units.map((unit, index) => unitSpec(unit, `document.tasks[${at}].units[${index}]`, faults));
    return {
      kind: 'job',
      name,
      dependsOn,
      continueOnFailure,
      input: () => ({}),
      // Given to the start, the policy would not reach nested jobs.
      definition: jobFrom(name, inner, { onFailure: 'continue' }),
    };
  });
  if (faults.length > 0) throw invalid(faults);
  return specs;
};

const unitSpec = (unit: DocumentUnit, path: string, faults: Fault[]): ExternalSpec => {
  const {
    name,
    dependsOn,
    continueOnFailure,
    owner,
    description,
    data,
    output,
    heartbeatTimeoutMs,
    deadlineMs,
    maxRetries,
    priority,
  } = unit;
  const checked = outputSchema(name, output);
  if ('fault' in checked)
    faults.push({
      path: [`${path}.output`, checked.fault.path].filter(Boolean).join('.'),
      code: 'INVALID_VALUE',
      message: checked.fault.message,
    });
  return {
    kind: 'external',
    name,
    dependsOn,
    continueOnFailure,
    owner,
    description,
    data,
    deadline: deadlineMs,
    heartbeatTimeout: heartbeatTimeoutMs,
    onMissedHeartbeat: 'release',
    maxRetries,
    priority,
    ...('schema' in checked && { output: checked.schema }),
  };
};

const invalid = (faults: readonly Fault[]): HttpProblem =>
  new HttpProblem(422, 'INVALID_DEFINITION', faults.map(({ message }) => message).join(' '), { problems: [...faults] });
