import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { programs } from './service/programs.ts';
import { start } from './support/cli.ts';
import { newFolder } from './support/sqlite-files.ts';

vi.setConfig({ testTimeout: 120_000 });

const page = readFileSync(new URL('../docs/tutorial-service.md', import.meta.url), 'utf8');

/** The fenced blocks of the shell, each with what it prints, if that follows. */
const blocks = [...page.matchAll(/^```sh\n([\s\S]*?)^```\n(?:\n```(?:json|console)\n([\s\S]*?)^```)?/gm)].map(
  ([, commands = '', printed]) => ({ commands, printed }),
);

/** What is printed, without what differs each time: ids of tokens and requests, times. Line breaks in JSON do not count. */
const masked = (text: string): string =>
  (text.trim().startsWith('{') ? JSON.stringify(JSON.parse(text)) : text.trim())
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, '(id)')
    .replaceAll(/"id":"[a-z0-9]{8}"/g, '"id":"(id)"')
    .replaceAll(/\b1\d{12}\b/g, '(time)');

const { serve, file: bundled } = programs();

test('the commands of the tutorial print what it says', async () => {
  const [first, ...others] = blocks;
  expect(first?.commands).toBe('npx tintype serve\n');
  const folder = newFolder();
  mkdirSync(join(folder, '.tintype'));
  const { url } = await serve(join(folder, '.tintype/jobs.db'));
  const MARK = '==========';
  const script = others.map(
    ({ commands }) => `${commands.replaceAll('http://127.0.0.1:8080', url)}echo; echo ${MARK}\n`,
  );
  const file = join(folder, 'script.sh');
  writeFileSync(
    file,
    `set -eu\ncd ${folder}\nnpx() { shift; '${process.execPath}' --no-warnings '${bundled('tintype')}' "$@"; }\n${script.join('')}`,
  );
  const { stdout, stderr, exitCode } = await start('bash', [file]).ended;
  expect(exitCode, `${stderr}\n${stdout}`).toBe(0);
  const outputs = stdout.split(MARK);
  for (const [at, { commands, printed }] of others.entries())
    if (printed !== undefined) expect(masked(outputs[at] ?? ''), commands).toBe(masked(printed));
  // Nothing that it shows is without an answer of success, but for the one that is wrong on purpose.
  expect(stdout.match(/urn:tintype:problem:\w+/g)).toEqual(['urn:tintype:problem:INVALID_OUTPUT']);
});
