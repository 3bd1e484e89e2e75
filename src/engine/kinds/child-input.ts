import { isPlainObject } from '../../events/plain-object.ts';
import { ignoreRejection, ignoreRejections, isThenable } from '../../events/thenable.ts';
import { checkedInput } from '../definition/check-schema.ts';
import { formatValue } from '../definition/option-rules.ts';
import type { FanOut, NestedJob, Plan } from '../definition/plan.ts';
import { PLAN } from '../definition/sealed.ts';
import type { TaskScope } from '../definition/task-function.ts';
import { NonRetryableError } from '../errors/errors.ts';

/** Returns the input of a nested job, as its definition or the task's `input` gives it. @throws SchemaError */
export const inputFrom = ({ definition, input }: NestedJob, scope: TaskScope): object => {
  const plan = definition[PLAN] as Plan;
  const given: unknown = input ? input(scope) : { ...scope.ctx };
  if (isThenable(given)) throw unexpectedPromise('input(scope)', given);
  if (!isPlainObject(given)) throw new NonRetryableError('its input(scope) answered no plain object');
  return checkedInput(plan.options.input, given, plan.name);
};

/** Returns the items of a fan-out whose `over` gives them at once. @throws NonRetryableError */
export const itemsFrom = ({ over }: FanOut, scope: TaskScope): readonly unknown[] => {
  const items: unknown = typeof over === 'function' ? over(scope) : over;
  if (isThenable(items)) throw unexpectedPromise('over(scope)', items);
  return listOf(items);
};

/** The maximum number of items of a fan-out: each is a task, and an iterator may have no end. */
export const MAX_ITEMS = 1_000_000;

/** Returns what `over` gave as a list. @throws NonRetryableError if it can't be iterated over, has promises or no end */
export const listOf = (items: unknown): readonly unknown[] => {
  const list = Array.isArray(items) ? asList(items) : iterated(items);
  if (!list.some(isThenable)) return list;
  ignoreRejections(list);
  throw new NonRetryableError('its "over" gave promises as items: let a function "over" await them, as by Promise.all');
};

const asList = (items: readonly unknown[]): readonly unknown[] => {
  if (items.length > MAX_ITEMS) throw tooManyItems();
  return Array.from(items);
};

/** Returns what an iterator gives. One that answers promises would have no end, so it is refused, as one without end is. */
const iterated = (items: unknown): readonly unknown[] => {
  if (typeof items !== 'object' || items === null || !(Symbol.iterator in items))
    throw new NonRetryableError(
      `its "over" gave ${formatValue(items)}: expected an array, or something else to iterate over`,
    );
  const iterator = atOnce((items as Iterable<unknown>)[Symbol.iterator]());
  const list: unknown[] = [];
  try {
    for (let step = atOnce(iterator.next()); !step.done; step = atOnce(iterator.next())) {
      if (list.length >= MAX_ITEMS) {
        iterator.return?.();
        throw tooManyItems();
      }
      list.push(step.value);
    }
  } catch (error) {
    ignoreRejections(list);
    throw error;
  }
  return list;
};

const tooManyItems = (): NonRetryableError =>
  new NonRetryableError(
    `its "over" gave more than ${MAX_ITEMS} items. Let each item stand for several, such as the bounds of a range`,
  );

const atOnce = <Value>(value: Value): Value => {
  if (!isThenable(value)) return value;
  ignoreRejection(value);
  throw new NonRetryableError('the iterator of its "over" answered a promise: collect the items in a function "over"');
};

export const unexpectedPromise = (what: string, promise: PromiseLike<unknown>): NonRetryableError => {
  ignoreRejection(promise);
  return new NonRetryableError(`its ${what} answered a promise: expected a plain object at once`);
};
