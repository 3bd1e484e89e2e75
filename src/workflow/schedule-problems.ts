import { isPlainObject } from '../events/plain-object.ts';
import type { Location } from './locate.ts';
import { type OddNumber, oddNumberText } from './odd-numbers.ts';
import { paramSpecs, readParams } from './params.ts';
import type { WorkflowSchedule } from './schedule-schema.ts';
import type { Workflow } from './schema.ts';
import type { PlacedProblem, Source } from './source.ts';

type Path = readonly PropertyKey[];

/** What `schedule` is in the texts of an input. */
export type ScheduleVariables = {
  readonly name: string;
  /** The due time, in ISO 8601, UTC. */
  readonly due: string;
};

/** Matches the expressions that the texts of an input may hold. */
const VARIABLE = /\$\{\{\s*schedule\.(name|due)\s*\}\}/g;

/** Fills in `${{ schedule.due }}` and `${{ schedule.name }}` in the texts of an input. */
export const scheduledInput = <Input>(input: Input, variables: ScheduleVariables): Input =>
  mapTexts(input, (text) => text.replace(VARIABLE, (_, name: keyof ScheduleVariables) => variables[name])) as Input;

/** Returns the first text of an input with an expression that schedules do not have. */
export const unknownExpression = (input: unknown): string | undefined => {
  let found: string | undefined;
  mapTexts(input, (text) => {
    if (found === undefined && text.replace(VARIABLE, '').includes('${{')) found = text;
    return text;
  });
  return found;
};

export const SCHEDULE_EXPRESSIONS = `In the input of a schedule there are \${{ schedule.due }} and \${{ schedule.name }}.`;

const mapTexts = (value: unknown, to: (text: string) => string): unknown => {
  if (typeof value === 'string') return to(value);
  if (Array.isArray(value)) return value.map((item) => mapTexts(item, to));
  if (!isPlainObject(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, mapTexts(item, to)]));
};

/** Finds what jobs of the schedules could not be started with. `file`: the file as it is written. */
export const scheduleProblems = (
  { schedule = [], params }: Workflow,
  file: unknown,
  place: (path: Path) => Location,
  { problemAt, offsetOf }: Source,
  oddNumbersAt: (path: Path) => Iterable<OddNumber>,
): readonly PlacedProblem[] => {
  const isList = isPlainObject(file) && Array.isArray(file.schedule);
  const specs = paramSpecs(params);
  return schedule.flatMap((one, index) => {
    const path: Path = isList ? ['schedule', index] : ['schedule'];
    const inputPath = [...path, ...(one.input === undefined ? [] : ['input'])];
    const { value } = place(inputPath);
    const wrong = (message: string): PlacedProblem =>
      problemAt(value, 'INVALID_VALUE', `The workflow, under "${inputPath.map(String).join('.')}", ${message}`);
    const found = inputFaults(one, specs).map((fault) => wrong(`starts jobs that can't be: ${fault}`));
    for (const { offset, ...number } of oddNumbersAt(inputPath))
      found.push(
        problemAt(
          offset,
          'INVALID_VALUE',
          `The workflow, under "${inputPath.map(String).join('.')}", ${oddNumberText({ offset, ...number })}`,
        ),
      );
    const text = unknownExpression(one.input);
    if (text === undefined) return found;
    const message = `The workflow, under "${inputPath.map(String).join('.')}", has an expression that is not known here. ${SCHEDULE_EXPRESSIONS}`;
    return [...found, problemAt(offsetOf(value, '${{'), 'UNKNOWN_REFERENCE', message)];
  });
};

const inputFaults = ({ input = {} }: WorkflowSchedule, specs: ReturnType<typeof paramSpecs>): readonly string[] => {
  const { params = {}, ...others } = input;
  const [other] = Object.keys(others);
  if (other !== undefined) return [`the input of a workflow file is { params: … }, and "${other}" is none.`];
  if (!isPlainObject(params)) return ['params are a mapping of names to values.'];
  return readParams(specs, scheduledInput(params, SAMPLE)).faults;
};

const SAMPLE: ScheduleVariables = { name: 'name', due: '2027-01-01T00:00:00.000Z' };
