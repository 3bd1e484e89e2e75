import { expect, test } from 'vitest';
import { createMask } from '../../../src/executors/mask/mask.ts';
import { maskError } from '../../../src/executors/mask/mask-error.ts';

const mask = createMask(['hunter2']);

test.for<[what: string, error: Error]>([
  ['its message and stack', new Error('with hunter2')],
  ['its cause', new Error('x', { cause: new Error('with hunter2', { cause: ['hunter2'] }) })],
  ['what it was given', Object.assign(new Error('x'), { hunter2: { deep: ['hunter2'] } })],
  ['the errors that it joins', new AggregateError([new TypeError('hunter2'), 'hunter2'], 'x')],
  [
    'errors within those that it joins',
    new AggregateError([new AggregateError([new Error('x', { cause: 'hunter2' })])], 'x'),
  ],
  ['a list of errors', Object.assign(new Error('x'), { all: [[new Error('hunter2')]] })],
  ['its name', Object.defineProperty(new Error('x'), 'name', { value: 'hunter2', configurable: true })],
])('an error loses the secrets of %s', ([, error]) => {
  const before = error.constructor;
  expect(maskError(error, mask)).toBe(error);
  expect(error.constructor).toBe(before);
  expect(textsOf(error).join('\n')).not.toContain('hunter2');
});

test('an error that causes itself is masked once', () => {
  const error = new AggregateError([], 'hunter2');
  error.errors.push(error);
  error.cause = error;
  expect((maskError(error, mask) as Error).message).toBe('***');
});

/** All texts that can be reached from a value, except the keys of what is masked by value alone. */
const textsOf = (value: unknown): readonly string[] => {
  if (typeof value === 'string') return [value];
  if (value === null || typeof value !== 'object') return [];
  return Object.getOwnPropertyNames(value).flatMap((key) => textsOf((value as Record<string, unknown>)[key]));
};
