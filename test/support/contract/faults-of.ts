import { Ajv2020, type ErrorObject, type ValidateFunction } from 'ajv/dist/2020.js';
import { LIBRARY_WORDS } from '../library-words.ts';
import { type ApiDocument, type JsonSchema, type Operation, operationsOf, resolved } from './api-document.ts';
import type { Asked } from './requests-of.ts';

export type Answered = { readonly status: number; readonly headers: Headers; readonly text: string };

/** Compares answers with the document: returns what it does not allow, or what no answer may have. */
export const faultsBy = (document: ApiDocument): ((asked: Asked, answer: Answered) => readonly string[]) => {
  const ajv = new Ajv2020({ strict: false, allErrors: true });
  const operations = operationsOf(document);
  const validators = new Map<JsonSchema, ValidateFunction>();
  const validatorOf = (schema: JsonSchema): ValidateFunction => {
    const known = validators.get(schema);
    if (known) return known;
    const made = ajv.compile(closed(document, schema));
    validators.set(schema, made);
    return made;
  };
  const invalid = (schema: JsonSchema, value: unknown): readonly string[] => {
    const validate = validatorOf(schema);
    return validate(value) ? [] : (validate.errors ?? []).map(faultText);
  };

  return (asked, { status, headers, text }) => {
    const url = new URL(asked.path, 'http://localhost');
    const operation = operationAt(operations, asked.method, url.pathname);
    const faults = [...generalFaults(status, headers, text)];
    if (!operation)
      return status === 404 || status === 405 ? faults : [...faults, `${status} from a route that is not documented`];
    const documented = operation.responses[status];
    if (!documented)
      return [...faults, `${status} is not documented of ${operation.operationId}: ${text.slice(0, 200)}`];
    const type = headers.get('content-type')?.split(';')[0];
    const types = Object.keys(documented.content ?? {});
    if (types.length === 0) return text === '' ? faults : [...faults, `${status} has a body, and none is documented`];
    if (type === undefined || !types.includes(type)) return [...faults, `${status} has the type ${type}, not ${types}`];
    if (!type.includes('json')) return faults;
    const value = parsed(text);
    const schema = documented.content?.[type]?.schema ?? {};
    return [
      ...faults,
      ...invalid(schema, value).map((fault) => `${status} ${fault}`),
      ...takenFaults(operation, asked, status),
    ];
  };

  /** What was done although the document refuses it. */
  function takenFaults(operation: Operation, asked: Asked, status: number): readonly string[] {
    return status >= 400 ? [] : [...takenParameters(operation, asked), ...takenBody(operation, asked)];
  }

  function takenBody(operation: Operation, { body, headers }: Asked): readonly string[] {
    const schema = operation.requestBody?.content['application/json']?.schema;
    if (!schema || body === undefined || !/^application\/json/i.test(headers['content-type'] ?? '')) return [];
    const value = parsed(body);
    return value === undefined
      ? []
      : invalid(schema, value).map((fault) => `took a body that the document refuses: ${fault}`);
  }
};

/** Parameters of a query that the document does not name, or names as single ones. */
const takenParameters = ({ parameters = [] }: Operation, { path }: Asked): readonly string[] => {
  const { searchParams } = new URL(path, 'http://localhost');
  return [...new Set(searchParams.keys())].flatMap((name) => {
    const known = parameters.find((one) => one.in === 'query' && one.name === name);
    if (!known) return [`took the parameter ${name}, which is not documented`];
    const isMany = (known.schema.anyOf ?? [known.schema]).some(({ type }) => type === 'array');
    return isMany || searchParams.getAll(name).length === 1 ? [] : [`took the parameter ${name} several times`];
  });
};

const faultText = ({ instancePath, message, params }: ErrorObject): string =>
  `${instancePath || 'the whole'} ${message} ${params.additionalProperty ?? ''}`.trim();

const operationAt = (operations: readonly Operation[], method: string, path: string): Operation | undefined =>
  operations
    .filter((one) => one.method === method && patternOf(one.path).test(path))
    .sort((a, b) => a.path.split('{').length - b.path.split('{').length)[0];

const patternOf = (path: string): RegExp => new RegExp(`^${path.replaceAll(/\{[^}]+\}/g, '[^/]+')}$`);

const generalFaults = (status: number, headers: Headers, text: string): readonly string[] => {
  const faults: string[] = [];
  if (status >= 500) faults.push(`${status}: ${text.slice(0, 300)}`);
  const id = headers.get('x-request-id');
  if (!id || !/^[\w-]{8,64}$/.test(id)) faults.push(`x-request-id is ${id}`);
  if (headers.get('tintype-api') !== 'v1') faults.push(`tintype-api is ${headers.get('tintype-api')}`);
  for (const [name, value] of headers) if (/evil|set-cookie/i.test(name)) faults.push(`the header ${name}: ${value}`);
  if (MACHINE.test(text)) faults.push(`tells of the machine: ${MACHINE.exec(text)?.[0]}`);
  if (status >= 400) {
    const problem = parsed(text) as Record<string, unknown> | undefined;
    if (headers.get('content-type') !== 'application/problem+json') faults.push(`${status} is no problem+json`);
    if (LIBRARY_WORDS.test(`${problem?.detail} ${problem?.remedy}`))
      faults.push(`speaks to a program: ${problem?.detail}`);
    if (problem?.instance !== id) faults.push('instance is not x-request-id');
    if (problem?.status !== status) faults.push(`the problem has the status ${problem?.status}, not ${status}`);
    if (typeof problem?.code !== 'string' || problem.type !== `urn:tintype:problem:${problem.code}`)
      faults.push(`the problem has type ${problem?.type}, code ${problem?.code}`);
  }
  return faults;
};

/** Lines of stacks, and paths of this machine. */
const MACHINE = new RegExp(`\\n\\s+at |node_modules|file:///|node:internal|${process.cwd().replaceAll('/', '\\/')}`);

const parsed = (text: string): unknown => {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
};

/** A schema whose objects have no properties but those that it names, with all that it refers to. */
const closed = (document: ApiDocument, given: JsonSchema): object => {
  const $defs: Record<string, JsonSchema> = {};
  return { ...closedPart(document, given, $defs), $defs };
};

const closedPart = (document: ApiDocument, given: JsonSchema, $defs: Record<string, JsonSchema>): JsonSchema => {
  if (given.$ref !== undefined) {
    const name = given.$ref.split('/').at(-1) as string;
    if (!$defs[name]) {
      // A schema may refer to itself.
      $defs[name] = {};
      $defs[name] = closedPart(document, resolved(document, given), $defs);
    }
    return { $ref: `#/$defs/${name}` };
  }
  const schema = resolved(document, given);
  const inner = (part: JsonSchema): JsonSchema => closedPart(document, part, $defs);
  const { properties, items, anyOf, oneOf, additionalProperties } = schema;
  return {
    ...schema,
    ...(properties && {
      properties: Object.fromEntries(Object.entries(properties).map(([key, part]) => [key, inner(part)])),
      additionalProperties:
        typeof additionalProperties === 'object' ? inner(additionalProperties) : (additionalProperties ?? false),
    }),
    ...(!properties &&
      typeof additionalProperties === 'object' && { additionalProperties: inner(additionalProperties) }),
    ...(items && { items: inner(items) }),
    ...(anyOf && { anyOf: anyOf.map(inner) }),
    ...(oneOf && { oneOf: oneOf.map(inner) }),
  };
};
