// npm run example kitchen: the server and its clients, each in a process of its own.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { extname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const folder = mkdtempSync(join(tmpdir(), 'kitchen-'));
const programs: ChildProcess[] = [];

/** Starts a program and prints its lines. */
const start = (name: string, args: readonly string[] = [], env: Readonly<Record<string, string>> = {}) => {
  const file = fileURLToPath(new URL(`${name}${extname(import.meta.url)}`, import.meta.url));
  const program = spawn(process.execPath, ['--no-warnings', file, ...args], {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  programs.push(program);
  const lines = createInterface(program.stdout);
  lines.on('line', (line) => console.log(line));
  return { program, lines };
};

const server = start('server', [join(folder, 'kitchen.db'), '0']);
const [opened] = await once(server.lines, 'line');
const KITCHEN = /http\S+/.exec(opened)?.[0] ?? '';

start('waiter', [], { KITCHEN });
for (const cook of ['Ada', 'Ben']) start('cook', [cook], { KITCHEN });
const barker = start('barker', [], { KITCHEN });
await once(barker.program, 'close');

// The server last, so that the others can give back what they have.
for (const program of programs.reverse()) {
  if (program.exitCode !== null) continue;
  program.kill('SIGTERM');
  await once(program, 'close');
}
rmSync(folder, { recursive: true });
