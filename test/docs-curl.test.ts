import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, test, vi } from 'vitest';
import { programs } from './service/programs.ts';
import { start } from './support/cli.ts';
import { newFolder } from './support/sqlite-files.ts';

// A page that speaks to the service with curl is run as a reader would type it: all its blocks of the shell, in order, in
// one shell and a folder of its own, with a server that has no job and no token yet.
vi.setConfig({ testTimeout: 120_000 });

const root = fileURLToPath(new URL('..', import.meta.url));
const pages = ['README.md', ...readdirSync(`${root}docs`).map((file) => `docs/${file}`)]
  .filter((file) => file.endsWith('.md'))
  .map((file) => ({ file, text: readFileSync(root + file, 'utf8') }));

const CURL = /^(?:\$ )?curl .*/gm;

/** The fenced blocks of the shell, each with what it prints, if another block with that follows at once. */
const blocksOf = (text: string) =>
  [...text.matchAll(/^```(?:sh|bash)\n([\s\S]*?)^```\n(?:\n```(?:json|console|text)\n([\s\S]*?)^```)?/gm)].map(
    ([, commands = '', printed]) => ({ commands, printed }),
  );

/**
 * What is printed, without what differs each time: ids of tokens, tokens of claims, ids of requests, times. Line breaks in
 * JSON do not count, nor the order of its keys.
 */
const masked = (text: string): unknown => {
  const same = text
    .trim()
    .replaceAll(/[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f-]{22}/g, '(id)')
    .replaceAll(/"id": ?"[a-z0-9]{8}"/g, '"id": "(id)"')
    .replaceAll(/\b1\d{12}\b/g, '0');
  return same.startsWith('{') ? JSON.parse(same) : same;
};

const MARK = '==========';

/** A stream that lasts as long as the server is read only as far as the page shows it. */
const script = ({ commands, printed = '' }: { readonly commands: string; readonly printed?: string | undefined }) =>
  `${commands.replaceAll(/^curl -N /gm, `first ${printed.split('\n').length - 1} -N `)}echo; echo ${MARK}\n`;

/** `tintype serve` has been started already. `curl` reports the status of each answer. */
const prelude = (folder: string, tintype: string): string => `set -eu
cd '${folder}'
tintype() { [ "$1" = serve ] || '${process.execPath}' --no-warnings '${tintype}' "$@"; }
npx() { shift; tintype "$@"; }
curl() {
  local status
  { status=$(command curl --no-progress-meter -w '%{stderr}%{http_code}' "$@" 2>&1 >&3); } 3>&1
  echo "HTTP $status" >&2
}
first() {
  local lines=$1 pid
  shift
  coproc STREAM { exec curl --no-progress-meter "$@"; }
  pid=$STREAM_PID
  head -n "$lines" <&"\${STREAM[0]}"
  kill "$pid"
  echo 'HTTP 200' >&2
}
`;

const { serve, file: bundled } = programs();

describe.each(pages.filter(({ text }) => text.match(CURL)))('the commands of $file', ({ text }) => {
  test('print what it says', async () => {
    const folder = newFolder();
    mkdirSync(join(folder, '.tintype'));
    const { url } = await serve(join(folder, '.tintype/jobs.db'));
    const blocks = blocksOf(text);
    const file = join(folder, 'script.sh');
    const commands = blocks.map(script).join('');
    writeFileSync(
      file,
      prelude(folder, bundled('tintype')) + commands.replaceAll(/(?:http:\/\/)?(?:127\.0\.0\.1|localhost):8080/g, url),
    );
    const { stdout, stderr, exitCode } = await start('bash', [file]).ended;
    expect(exitCode, `${stderr}\n${stdout}`).toBe(0);
    const outputs = stdout.split(MARK);
    for (const [at, { commands, printed }] of blocks.entries())
      if (printed !== undefined) expect(masked(outputs[at] ?? ''), commands).toEqual(masked(printed));

    // Each curl line of the page is among the blocks that were run, and only those were refused that the page shows so.
    const statuses = [...stderr.matchAll(/^HTTP (\d+)$/gm)].map(([, status]) => Number(status));
    expect(statuses).toHaveLength(text.match(CURL)?.length ?? 0);
    expect(statuses.filter((status) => status >= 300)).toEqual(
      [...text.matchAll(/"status": (\d+)/g)].map(([, status]) => Number(status)),
    );
  });
});
