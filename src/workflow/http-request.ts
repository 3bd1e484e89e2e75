import type { TaskScope } from '../engine/definition/task-function.ts';
import type { HttpOptions } from '../executors/http/http.ts';
import type { HttpRequest } from '../executors/http/request.ts';
import { type Mask, NO_MASK } from '../executors/mask/mask.ts';
import type { ExpressionScope } from './expression.ts';
import { type BuildContext, expressionScope } from './expression-scope.ts';
import { mapValues } from './map-values.ts';
import type { TaskOfType } from './schema.ts';
import { dataOf, hasExpression, textOf } from './template.ts';

export const httpOptions = (
  { retry }: Pick<TaskOfType<'http'>, 'retry'>,
  { workflow, mask }: BuildContext,
): HttpOptions => ({
  mask,
  maxDelayMs: retry?.max_delay ?? workflow.defaults?.retry?.max_delay,
  maxOutputBytes: workflow.max_output_bytes,
});

type RequestKeys = Pick<TaskOfType<'http'>, 'url' | 'method' | 'headers' | 'query' | 'body' | 'json' | 'expect_status'>;

/** Returns the function that evaluates a request, and says what of it may hold secrets. */
export const requestOf = (task: RequestKeys, context: BuildContext): ((scope: TaskScope) => HttpRequest) => {
  const url = textOf(task.url);
  const headers = task.headers && mapValues(task.headers, textOf);
  const query = task.query && mapValues(task.query, (value) => [value].flat().map(textOf));
  const body = task.body === undefined ? undefined : textOf(task.body);
  const json = task.json === undefined ? undefined : dataOf(task.json);
  const expectStatus = task.expect_status === undefined ? undefined : [task.expect_status].flat();
  const hasSecrets = context.mask !== NO_MASK;
  const secretHeaders = Object.keys(task.headers ?? {}).filter(
    (name) => hasSecrets && reads(task.headers?.[name], MAY_HOLD_SECRETS),
  );
  const sent = task.body ?? task.json;
  const readsSecrets = reads(sent, /\bsecrets\b/);
  const readsGiven = reads(sent, MAY_HOLD_SECRETS);
  const isSecretBody = ({ params, item }: ExpressionScope): boolean =>
    readsSecrets || (readsGiven && holdsSecret([params, item], context.mask));
  return (scope) => {
    const values = expressionScope(scope, context);
    return {
      url: url(values),
      ...(task.method === undefined ? {} : { method: task.method.toUpperCase() }),
      ...(headers ? { headers: mapValues(headers, (value) => value(values)) } : {}),
      ...(query ? { query: mapValues(query, (texts) => texts.map((text) => text(values))) } : {}),
      ...(body ? { body: body(values) } : {}),
      ...(json ? { json: json(values) } : {}),
      ...(expectStatus ? { expectStatus } : {}),
      fromSecrets: { headers: secretHeaders, body: isSecretBody(values) },
    };
  };
};

const holdsSecret = (data: unknown, mask: Mask): boolean => mask.data(data) !== data;

/** The variables that may hold secrets. What an expression makes of a secret is not recognised as one. */
const MAY_HOLD_SECRETS = /\b(?:ctx|item|params|secrets)\b/;

/** Whether a text, or one within data, has an expression, and names one of the variables. */
const reads = (data: unknown, variables: RegExp): boolean => {
  if (typeof data === 'string') return hasExpression(data) && variables.test(data);
  return data !== null && typeof data === 'object' && Object.values(data).some((one) => reads(one, variables));
};
