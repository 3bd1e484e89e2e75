import { EventType } from '../../src/server/schemas/event.ts';

/** Types of events, which clients of HTTP name too: no method, even if it looks like one. */
const EVENT_TYPES = EventType.options.join('|').replaceAll('.', '\\.');

/** What a text says to a program that uses the library: a method, a call, an option in code. No client can do that. */
export const LIBRARY_WORDS = new RegExp(
  [
    `\\b(?!(${EVENT_TYPES})(?![\\w(]))(engine|job|task|handle|journal)\\.\\w+`,
    'create(Engine|Server|Client)|define(Job|Schedule)|\\w\\(\\)|\\w\\(\\{|\\{ \\w+: ',
    'maxOutputBytes\\b(?! of the journal)',
  ].join('|'),
);

/** What a text says to a client of HTTP, which the command line does not print. */
export const HTTP_WORDS = /\/openapi\.json|Authorization|\b(GET|POST|PATCH|DELETE) \/|"\w+": /;
