import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { inertJson, plainLines, plainText, styledText } from '../../../src/cli/terminal/safe-text.ts';
import { tintype } from '../../support/cli.ts';
import { folderOf } from '../../support/run-workflow.ts';

/** What a terminal would obey, and what turns or hides text; a tab and a newline are neither. */
const HARMFUL = /(?![\t\n])[\p{Cc}\p{Zl}\p{Zp}\p{Bidi_Control}\u200b\u2060-\u2064\ufeff]|[\u{e0000}-\u{e007f}]/u;

test.for([
  ['\x1b[31mred\x1b[0m \x9b1mbold', 'red bold'],
  ['a\x1b]0;title\x07b\x1b]8;;https://x.test\x1b\\c\x9d0;t\x9cd', 'abcd'],
  ['a\x1bP1$r\x1b\\b\x1b(0c\x1bcd', 'abcd'],
  ['\x1b\x1b[31m[31mx', '␛[31mx'],
  ['a\x07\x08\x7f\x85\u2028b\tc', 'a␇␈␡\uFFFD\uFFFDb\tc'],
  ['a\u202eb\u2066c\u200bd\ufeffe\u{e0041}f', 'abcdef'],
  ['👩\u200d💻 ناظم می\u200cخواهم', '👩\u200d💻 ناظم می\u200cخواهم'],
] as const)('text prints without what a terminal obeys: %j', ([given, shown]) => {
  expect(plainText(given)).toBe(shown);
  expect(plainLines(`${given}\n${given}`)).toBe(`${shown}\n${shown}`);
});

test('text keeps its colours on a terminal, and nothing else', () => {
  expect(styledText('\x1b[31mr\u202eed\x1b[2J\x1b[0m')).toBe('\x1b[31mred\x1b[0m\x1b[0m');
});

test('JSON means the same with escapes, and has nothing that a terminal obeys', () => {
  const value = { '\x9bk\u202e': ['\x1b[1m\x7f\x85\u2028\u{e0041}\u200b', 'plain é 🙂', 5] };
  const json = inertJson(JSON.stringify(value));
  expect(json).not.toMatch(HARMFUL);
  expect(JSON.parse(json)).toEqual(value);
  expect(json).toContain('plain é 🙂');
});

test('no command prints what a terminal obeys, in any form', async () => {
  const HOSTILE = 'a\x9b31mb\x9d0;t\x9c\u202ec\x7f\u2028\u200bd';
  const HIDDEN = 'a\u202eb\u200bc';
  const wrong = `name: w\ntasks:\n  - { name: a, type: bsh, command: "${HIDDEN}" }\n`;
  const odd = `
name: n${HIDDEN}
description: ${HIDDEN}
pools: { "${HIDDEN}": 1 }
tasks:
  - { name: "${HIDDEN}", type: bash, description: "${HIDDEN}", pool: "${HIDDEN}", command: "echo '${HIDDEN}'; exit 3" }
  - { name: b, type: bash, dependencies: ["${HIDDEN}"], when: '"${HIDDEN}" == "x"', command: "true" }
handlers: { always: [{ name: "h${HIDDEN}", type: bash, command: "true" }] }
`;
  const folder = folderOf({
    'w.yaml': `
name: w
params: { p: x }
tasks:
  - { name: a, type: bash, env: { P: "\${{ params.p }}" }, output: text, command: 'echo "$P"; echo "$P" >&2' }
  - { name: b, type: bash, dependencies: [a], env: { P: "\${{ params.p }}" }, command: 'echo "$P" >&2; exit 1' }
`,
  });
  const db = join(folder, 'jobs.db');
  const events = join(folder, 'events.ndjson');
  const told: string[] = [];
  const tell = async (...args: string[]): Promise<void> => {
    const { stdout, stderr } = await tintype(args);
    told.push(stdout, stderr);
  };
  const run = ['run', join(folder, 'w.yaml'), '--db', db, '-p', `p=${HOSTILE}`];
  await tell(...run, '--events', events);
  await tell(...run, '--json', '--log-format', 'json');
  for (const command of ['show', 'logs', 'export']) await tell(command, 'last', '--db', db);
  for (const command of ['show', 'logs']) await tell(command, 'last', '--db', db, '--json');
  await tell('run', join(folder, HOSTILE));
  await tell('validate', join(folder, HOSTILE), '--json');
  await tell(HOSTILE);
  await tell('run', `--${HOSTILE}`);
  writeFileSync(join(folder, 'wrong.yaml'), wrong);
  writeFileSync(join(folder, 'odd.yaml'), odd);
  writeFileSync(join(folder, 'p.json'), `{"p": "${HIDDEN}`);
  writeFileSync(join(folder, 'job.ndjson'), `{"${HIDDEN}": 1}\n`);
  const folderOfMarks = join(folder, HIDDEN);
  for (const file of ['wrong.yaml', 'odd.yaml']) {
    await tell('validate', join(folder, file));
    await tell('run', join(folder, file), '--dry-run');
    for (const format of ['text', 'mermaid', 'dot', 'svg']) await tell('graph', join(folder, file), '--format', format);
  }
  for (const more of [[], ['-v'], ['--log-format', 'json', '--json']]) {
    await tell('run', join(folder, 'odd.yaml'), '--db', join(folderOfMarks, 'jobs.db'), ...more);
  }
  for (const args of [['show', 'last'], ['show', 'last', '--graph'], ['jobs'], ['db', 'check'], ['resume', 'last']]) {
    await tell(...args, '--db', join(folderOfMarks, 'jobs.db'));
  }
  await tell('run', join(folder, 'w.yaml'), '--no-db', '--params-file', join(folder, 'p.json'));
  await tell('import', join(folder, 'job.ndjson'), '--db', db);
  await tell('show', HIDDEN, '--db', db);
  await tell('graph', join(folder, 'odd.yaml'), '-o', join(folderOfMarks, 'no', 'x.dot'));
  told.push(readFileSync(events, 'utf8'));
  expect(told.join('')).toContain('\\u202e');
  for (const text of told) expect(text).not.toMatch(HARMFUL);
});
