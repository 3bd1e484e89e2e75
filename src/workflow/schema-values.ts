import * as z from 'zod/mini';
import { frozenJson } from '../engine/definition/frozen-json.ts';
import { DURATION, durationMs } from './duration.ts';
import { compile, type Expression, type ExpressionError, RETRY_VARIABLES } from './expression.ts';
import { compileAt, dataOf, hasExpression, literalText, openOf, parseTemplate } from './template.ts';

/** Sets what a schema reports as expected, such as `true or false`; `schemaProblems` makes a sentence of this text. */
export const expecting = (error: string): { readonly error: string } => ({ error });

const A_DURATION = expecting('a number of milliseconds above 0, or text such as 500ms, 30s, 5m or 2h');
const A_WAIT = expecting('a number of milliseconds, 0 or more, or text such as 500ms, 30s, 5m or 2h');
const TEXT = expecting('text');
const A_COUNT = expecting('a whole number, 0 or more');
const AT_LEAST_ONE = expecting('a whole number, 1 or more');

export const flag = z.boolean(expecting('true or false'));
export const count = z.int(A_COUNT).check(z.minimum(0, A_COUNT));
export const atLeastOne = z.int(AT_LEAST_ONE).check(z.minimum(1, AT_LEAST_ONE));
export const finite = z.number(expecting('a finite number'));
export const text = z.string(TEXT);
export const name = z.string(TEXT).check(z.minLength(1, expecting('a name that is not empty')));
export const names = z.array(z.string(expecting('the name of a task')), expecting('a list of task names'));

const millisecondsOf = (number: z.ZodMiniNumber<number>, least: number, error: typeof A_DURATION) =>
  z.pipe(
    z.union([number, z.string().check(z.regex(DURATION, error))], error),
    z.pipe(z.transform(durationMs), z.number().check(z.refine((ms) => ms >= least && Number.isFinite(ms), error))),
  );

/** A duration above 0; parsed to ms. */
export const duration = millisecondsOf(
  z.number(A_DURATION).check(z.positive(A_DURATION)),
  Number.MIN_VALUE,
  A_DURATION,
);

/** A duration that may be 0, which means no wait; parsed to ms. */
export const wait = millisecondsOf(z.number(A_WAIT).check(z.minimum(0, A_WAIT)), 0, A_WAIT);

/** Details of a custom issue, whose message completes `Task "…" has "…", which …`. */
export type Complaint = {
  readonly code: 'INVALID_EXPRESSION' | 'UNSAFE_EXPRESSION' | 'INVALID_VALUE';
  /** The text to point at. */
  readonly near?: string;
  /** The place to point at: an offset in a text. */
  readonly fault?: { readonly text: string; readonly at: number };
};

type Payload = { readonly value: unknown; readonly issues: unknown[] };

/** `path`: of the value in `payload` that is wrong. Default: all of it. */
export const complain = (
  payload: Payload,
  message: string,
  complaint: Complaint,
  path: readonly PropertyKey[] = [],
): void => {
  payload.issues.push({ code: 'custom', input: payload.value, message, params: complaint, path: [...path] });
};

/** Text that may contain expressions: `${{ ctx.rows }}`. `expected`: what a file that lacks it is told. */
export const templateOf = (expected: string): z.ZodMiniString =>
  z.string(expecting(expected)).check((payload) => {
    checkTemplate(payload, payload.value);
  });

export const template = templateOf('text');

/** A template, or a number or boolean to be used as text. */
export const scalarTemplate = z.union(
  [template, z.number(), z.boolean()],
  expecting('text, a number, or true or false'),
);

/** Data in which every text is a template. */
export const dataTemplate = z.unknown().check((payload) => {
  for (const value of textsIn(payload.value)) checkTemplate(payload, value);
});

const textsIn = function* (value: unknown): Generator<string> {
  if (typeof value === 'string') yield value;
  else if (value !== null && typeof value === 'object') for (const item of Object.values(value)) yield* textsIn(item);
};

const checkTemplate = (payload: Payload, value: string): void => {
  if (!hasExpression(value)) return;
  try {
    parseTemplate(value);
  } catch (error) {
    const { message, at = openOf(value) } = error as ExpressionError;
    complain(payload, `has an expression that can't be read: ${message}`, {
      code: 'INVALID_EXPRESSION',
      fault: { text: value, at },
    });
  }
};

/** A single expression, bare or wrapped as in GitHub Actions: `${{ ctx.rows > 0 }}`. */
const expressionOver = (example: string, compileIn: (source: string, at: number) => Expression) =>
  z.pipe(
    z.string(expecting(`an expression, such as ${example}`)),
    z.transform((source: string, payload): Expression => {
      const inner = /^\s*\$\{\{([\s\S]*)\}\}\s*$/.exec(source)?.[1] ?? source;
      try {
        return compileIn(inner.trim(), source.indexOf(inner.trim()));
      } catch (error) {
        const { message, at = 0 } = error as ExpressionError;
        complain(payload, `is no expression: ${message}`, { code: 'INVALID_EXPRESSION', fault: { text: source, at } });
        return z.NEVER;
      }
    }),
  );

export const expression = expressionOver('ctx.rows > 0', compileAt);

/** An expression about an attempt that has failed. */
export const failedAttempt = expressionOver('exit_code != 2', (source, at) => compileAt(source, at, RETRY_VARIABLES));

/** A condition: an expression, or `false` to switch a task off. */
export const condition = z.union(
  [
    expression,
    z.pipe(
      z.boolean(),
      z.transform((value: boolean) => compile(String(value))),
    ),
  ],
  expecting('an expression, such as ctx.rows > 0'),
);

/** Code, which must not contain expressions. `way` returns the safe alternative for the first expression found. */
export const code = (what: string, way: (inner: string) => string): z.ZodMiniType<string, string> =>
  z.pipe(codeText(what, way), z.transform(literalText));

const codeText = (what: string, way: (inner: string) => string): z.ZodMiniType<string, string> =>
  z.string(TEXT).check(
    z.refine((value: string) => value.trim() !== '', expecting(`${what} that is not empty`)),
    z.refine((value: string) => !value.includes('\0'), expecting(`${what} without null characters`)),
    (payload) => {
      const open = openOf(payload.value);
      const close = open < 0 ? -1 : payload.value.indexOf('}}', open + 3);
      if (close < 0) return;
      const whole = payload.value.slice(open, close + 2);
      const inner = whole.slice(3, -2);
      complain(payload, `may not hold ${whole}: data pasted into code is run as code. ${way(inner.trim())}`, {
        code: 'UNSAFE_EXPRESSION',
        near: whole,
      });
    },
  );

/** Text that is neither code nor a template: it must not contain expressions. */
export const plain = z.string(TEXT).check(
  z.refine((value: string) => value.trim() !== '', expecting('text that is not empty')),
  (payload) => {
    refuseExpressions(payload, payload.value);
  },
);

/** Data that is the same in every job: JSON without expressions. */
export const plainData = z.pipe(
  z.unknown().check(
    z.refine((value: unknown) => frozenJson(value) !== undefined, expecting('plain data, as JSON has it')),
    (payload) => {
      for (const value of textsIn(payload.value)) refuseExpressions(payload, value);
    },
  ),
  z.transform((data: unknown) => dataOf(data)({})),
);

const refuseExpressions = (payload: Payload, value: string): void => {
  if (!hasExpression(value)) return;
  complain(payload, `may hold no expression. They are allowed in ${WHERE}.`, {
    code: 'UNSAFE_EXPRESSION',
    near: '${{',
  });
};

/** The places where expressions are allowed, for messages. */
export const WHERE =
  'env, args, cwd, stdin, stdout, stderr, spark tasks, http requests, sql params and databases, and the params of a job';
