import { isPlainObject } from '../../events/plain-object.ts';
import {
  abortSignal,
  callable,
  clock,
  duration,
  methods,
  period,
  problemsOf,
  required,
  rule,
  throwIfInvalid,
} from '../definition/option-rules.ts';

const isName = (value: unknown): boolean => typeof value === 'string' && value !== '';

const id = rule(
  'a string that is not empty, or { namespace?, name } of such strings',
  (value) =>
    isName(value) ||
    (isPlainObject(value) && isName(value.name) && ['string', 'undefined'].includes(typeof value.namespace)),
);

const proberRules = { timeout: duration, clock };

const pollerRules = {
  interval: required(period),
  prober: methods('a prober, a poller or anything else', 'check'),
  clock,
};

const argumentRules = { id: required(id), fn: required(callable) };

const checkRules = { signal: abortSignal };

export const validateProberOptions = (options: unknown): void =>
  throwIfInvalid('createProber', problemsOf(options, proberRules, { subject: 'The prober' }));

export const validatePollerOptions = (options: unknown): void =>
  throwIfInvalid('createPoller', problemsOf(options, pollerRules, { subject: 'The poller' }));

export const validateCheckArguments = (of: unknown, fn: unknown, options: unknown): void => {
  const subject = 'The check';
  throwIfInvalid('A readiness check', [
    ...problemsOf({ id: of, fn }, argumentRules, { subject }),
    // A signal passed in place of the options would be ignored silently, so report it.
    ...problemsOf(options instanceof AbortSignal ? 'a signal' : options, checkRules, { subject }),
  ]);
};
