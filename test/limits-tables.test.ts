import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { MAX_NAME_LENGTH } from '../src/engine/definition/validate.ts';
import { MAX_DEPTH } from '../src/engine/durable/serialise.ts';
import { MAX_CAUSES } from '../src/engine/durable/task-error-data.ts';
import { MAX_ITEMS } from '../src/engine/kinds/child-input.ts';
import { MAX_REASON, MAX_WHOLE_REASONS } from '../src/engine/model/bounded-reason.ts';
import { DEFAULT_MAX_INTERRUPTIONS } from '../src/engine/run/interruption.ts';
import { DEFAULT_LOG_LIMITS, NOTE_MS } from '../src/engine/run/kept-logs.ts';
import { MAX_ERROR_TEXT } from '../src/events/error-data.ts';
import { MAX_JSON_DEPTH } from '../src/executors/exact-json.ts';
import { MAX_BODY_BYTES } from '../src/executors/http/body.ts';
import { MAX_WAIT_MS } from '../src/executors/http/retry.ts';
import { TAIL_LINES } from '../src/executors/process/error.ts';
import { MAX_OUTPUT_BYTES } from '../src/executors/process/output-error.ts';
import { MAX_LINE_LENGTH } from '../src/executors/process/output-lines.ts';
import { MAX_ARGUMENT_BYTES } from '../src/executors/process/variables.ts';
import { MAX_RESULT_BYTES } from '../src/executors/sql/error.ts';
import { DEFAULT_MAX_OUTPUT_BYTES } from '../src/journal/batch-rules.ts';
import { DEFAULT_LEASE_MS } from '../src/journal/lease-rules.ts';
import { DEFAULT_BUSY_TIMEOUT_MS } from '../src/journal/sqlite-journal.ts';
import { MAX_STEPS } from '../src/workflow/evaluation-budget.ts';
import { MAX_OPERATORS } from '../src/workflow/expression.ts';
import { MAX_ALIASED_VALUES } from '../src/workflow/inspect-nodes.ts';
import { MAX_FILE_BYTES } from '../src/workflow/read-file.ts';

/** Each row of a table of limits: the beginning of its first cell, and the constant. A new limit is a line here. */
const LIMITS: Readonly<Record<string, readonly (readonly [what: string, limit: number])[]>> = {
  'docs/workflows.md': [
    ['the file', MAX_FILE_BYTES],
    ['values that aliases stand for', MAX_ALIASED_VALUES],
    ['a name', MAX_NAME_LENGTH],
    ['the items of a `map`', MAX_ITEMS],
    ['a line of output', MAX_LINE_LENGTH],
    ['an expression', MAX_STEPS],
    ['operators of an expression', MAX_OPERATORS],
    ['first lines of an attempt', DEFAULT_LOG_LIMITS.first],
    ['last lines of an attempt', DEFAULT_LOG_LIMITS.last],
    ['the size of these lines', DEFAULT_LOG_LIMITS.maxBytes],
    ['the reason of a sensor', MAX_REASON],
    ['what is kept of a failed command', TAIL_LINES],
    ['an output', MAX_OUTPUT_BYTES],
    ["levels of nesting of an output's JSON", MAX_JSON_DEPTH],
    ['the body of a response', MAX_BODY_BYTES],
    ["levels of nesting of a response's JSON", MAX_JSON_DEPTH],
    ['the rows of a query', MAX_RESULT_BYTES],
    ['`TINTYPE_ITEM`', MAX_ARGUMENT_BYTES],
    ['`TINTYPE_JOB_ERROR`', MAX_ARGUMENT_BYTES],
    ['a `command` as an argument', MAX_ARGUMENT_BYTES],
    ['the wait that a server asks for', MAX_WAIT_MS],
  ],
  'docs/durability.md': [
    ['an output of a task, also inside a nested job, or of an item of a fan-out', DEFAULT_MAX_OUTPUT_BYTES],
    ['the items of a fan-out', MAX_ITEMS],
    ['the items of a fan-out or the input of a nested job', DEFAULT_MAX_OUTPUT_BYTES],
    ["levels of nesting of a value's JSON", MAX_DEPTH],
    ['causes of an error', MAX_CAUSES],
    ['the message, the stack or another text of an error', MAX_ERROR_TEXT],
    ['the reason of a transition', MAX_REASON],
    ['checks of a sensor whose reasons', MAX_WHOLE_REASONS],
    ['reports of progress of an attempt', DEFAULT_LOG_LIMITS.first],
    ['attempts of a task that died', DEFAULT_MAX_INTERRUPTIONS],
    ['last lines of an attempt', NOTE_MS],
    ['a process without a sign of life', DEFAULT_LEASE_MS],
    ['the wait for a lock', DEFAULT_BUSY_TIMEOUT_MS],
  ],
};

/** The rows of the table whose head begins with "what" and "limit", as their cells. */
const rowsOf = (file: string): readonly (readonly string[])[] => {
  const text = readFileSync(new URL(`../${file}`, import.meta.url), 'utf8');
  const table = /^\| what \| limit \|.*\n\|[-|]+\n((?:\|.*\n)+)/m.exec(text)?.[1] ?? '';
  return table
    .trimEnd()
    .split('\n')
    .map((row) =>
      row
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim()),
    );
};

/** The first number of a cell, such as `8,192 characters` or `10 MiB`. */
const numberIn = (cell: string): number => {
  const [, digits = '', unit] = /^([\d,]+)(?: (KiB|MiB))?/.exec(cell) ?? [];
  return Number(digits.replaceAll(',', '')) * ({ KiB: 2 ** 10, MiB: 2 ** 20 }[unit ?? ''] ?? 1);
};

test.each(Object.entries(LIMITS))('%s has each limit as it is, and what changes it', (file, limits) => {
  const rows = rowsOf(file);
  expect(rows.map(([what = '', limit = '']) => [what, numberIn(limit)])).toEqual(
    limits.map(([what, limit]) => [expect.stringMatching(`^${what}`), limit]),
  );
  for (const row of rows) expect(row, row[0]).toHaveLength(4);
  // A limit that nothing changes says why.
  for (const [what, , , changedBy] of rows) expect(changedBy, what).toMatch(/^`|^– \(.+\)$/);
});
