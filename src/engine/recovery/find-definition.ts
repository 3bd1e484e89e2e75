import { formatValue } from '../definition/option-rules.ts';
import { isDefinition, type Sealed } from '../definition/sealed.ts';
import type { Awaitable, JournalJob } from '../durable/journal.ts';
import { JournalError, OptionError } from '../errors/errors.ts';
import { optionProblem } from '../errors/problem.ts';

/** Definitions of stored jobs: a list, in which a job's definition is found by its name, or a function that finds it. */
export type Definitions<Definition = Sealed> =
  | readonly Definition[]
  | ((job: JournalJob) => Awaitable<Definition | undefined>);

/**
 * Returns the definition of a stored job.
 * @throws JournalError `UNKNOWN_DEFINITION`; OptionError if the function returns what is none; what the function throws
 */
export const findDefinition = async (definitions: Definitions, job: JournalJob): Promise<Sealed> => {
  if (typeof definitions !== 'function')
    return requireNamed(
      job,
      definitions.find(({ name }) => name === job.name),
    );
  const found: unknown = await definitions(job);
  if (found === undefined || isDefinition(found)) return requireNamed(job, found as Sealed | undefined);
  const message = `definitions returned ${formatValue(found)} for job "${job.name}" ("${job.id}"): expected a sealed definition, or undefined.`;
  throw new OptionError('The engine', [optionProblem('definitions', message)]);
};

/** Returns the definition if it has the name of the job. @throws JournalError `UNKNOWN_DEFINITION` */
export const requireNamed = ({ id, name }: JournalJob, definition: Sealed | undefined): Sealed => {
  if (definition?.name === name) return definition;
  const what = definition
    ? `was given the definition "${definition.name}"`
    : `is of the definition "${name}", which the engine does not know`;
  const message = `Job "${name}" ("${id}") ${what}. Hand it over: createEngine({ definitions: [...] }), or the option definition.`;
  throw new JournalError('UNKNOWN_DEFINITION', message, { jobId: id });
};
