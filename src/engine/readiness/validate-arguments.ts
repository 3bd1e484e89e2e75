import { isPlainObject } from '../../events/plain-object.ts';
import {
  abortSignal,
  callable,
  checking,
  clock,
  duration,
  methods,
  period,
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

const proberProblems = checking('The prober', { timeout: duration, clock });
const pollerProblems = checking('The poller', {
  interval: required(period),
  prober: methods('a prober, a poller or anything else', 'check'),
  clock,
});
const argumentProblems = checking('The check', { id: required(id), fn: required(callable) });
const checkProblems = checking('The check', { signal: abortSignal });

export const validateProberOptions = (options: unknown): void =>
  throwIfInvalid('createProber', proberProblems(options));

export const validatePollerOptions = (options: unknown): void =>
  throwIfInvalid('createPoller', pollerProblems(options));

export const validateCheckArguments = (of: unknown, fn: unknown, options: unknown): void =>
  throwIfInvalid('A readiness check', [
    ...argumentProblems({ id: of, fn }),
    // A signal passed in place of the options would be ignored silently, so report it.
    ...checkProblems(options instanceof AbortSignal ? 'a signal' : options),
  ]);
