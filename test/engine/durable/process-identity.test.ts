import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync } from 'node:fs';
import type { Readable, Writable } from 'node:stream';
import { expect, onTestFinished, test } from 'vitest';
import { isAlive, isDead, thisProcess } from '../../../src/engine/durable/process-identity.ts';

const hasProc = existsSync('/proc/self/stat');

/** A process that runs until it is killed, and when it began, where the system says so. */
const started = async () => {
  const program = "process.stdin.resume(); process.stdout.write('up')";
  const child = spawn(process.execPath, ['-e', program], { stdio: ['pipe', 'pipe', 'ignore'] });
  onTestFinished(() => void child.kill('SIGKILL'));
  await once(child.stdout, 'data');
  const pid = child.pid as number;
  const processStart = hasProc ? (readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ')[19] ?? '') : '';
  return { child, holder: { ...thisProcess(), pid, processStart } };
};

test('this process is not dead, and is the same each time it is asked for', () => {
  expect(isDead(thisProcess())).toBe(false);
  expect(thisProcess()).toEqual(thisProcess());
  expect(thisProcess().pid).toBe(process.pid);
  if (hasProc) expect(isAlive(thisProcess())).toBe(true);
});

test('another process is dead once it has ended', async () => {
  const { child, holder } = await started();
  expect(isDead(holder)).toBe(false);
  if (hasProc) expect(isAlive(holder)).toBe(true);
  child.kill('SIGKILL');
  await once(child, 'exit');
  expect([isDead(holder), isAlive(holder)]).toEqual([true, false]);
});

test.runIf(hasProc)('a later process with the same pid is another', async () => {
  const { holder } = await started();
  const before = { ...holder, processStart: String(Number(holder.processStart) - 1) };
  expect([isDead(before), isAlive(before)]).toEqual([true, false]);
});

test.runIf(hasProc)('a process that has ended and that nobody asked about yet is dead', async () => {
  // The shell starts a process that ends when it is told to, and becomes one that never asks.
  const shell = spawn('sh', ['-c', 'cat <&3 & echo $!; exec sleep 600'], {
    stdio: ['ignore', 'pipe', 'ignore', 'pipe'],
  });
  onTestFinished(() => void shell.kill('SIGKILL'));
  const pid = Number(String((await once(shell.stdout as Readable, 'data'))[0]));
  await expect.poll(() => readFileSync(`/proc/${shell.pid}/comm`, 'utf8')).toBe('sleep\n');
  (shell.stdio[3] as Writable).end();
  const statOf = () => readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? [];
  await expect.poll(() => statOf()[0]).toBe('Z');
  expect(isDead({ ...thisProcess(), pid, processStart: statOf()[19] ?? '' })).toBe(true);
});

test('of a process on another machine nothing is known', () => {
  const elsewhere = { ...thisProcess(), host: 'elsewhere', pid: 2 ** 22 + 1 };
  expect([isDead(elsewhere), isAlive(elsewhere)]).toEqual([false, false]);
});

test('of a process whose start the system does not tell, only its end is known', () => {
  const unknown = { ...thisProcess(), processStart: '' };
  expect([isDead(unknown), isAlive(unknown)]).toEqual([false, false]);
  expect(isDead({ ...unknown, pid: 2 ** 22 + 1 })).toBe(true);
});
