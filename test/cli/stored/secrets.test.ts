// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { runMetadata } from '../../../src/cli/attend/stored-workflow.ts';
import { loadWorkflow } from '../../../src/workflow/workflow.ts';
import { tintype } from '../../support/cli.ts';
import { opened } from '../../support/sqlite-files.ts';
import { type comesTo, diedAt, project } from '../../support/stored-jobs.ts';

vi.setConfig({ testTimeout: 60_000 });

const OLD = 'hunter2-old-secret';
const NEW = 'sesame7-new-secret';

const CHILD = `
name: child
params: { token:, plain: x }
tasks:
  - name: each
    type: bash
    map: { over: ["\${{ params.token }}", "\${{ params.plain }}"] }
    env: { V: "\${{ item }}" }
    command: 'printf "%s " "$V" >> seen; test -e go || until [ -e go ]; do sleep 0.01; done'
`;

const flow = (over: string): string => `
name: flow
params: { given: none }
secrets: [TOKEN, LIST]
tasks:
  - name: each
    type: bash
    map: { over: ${over} }
    env: { V: "\${{ item }}", G: "\${{ params.given }}" }
    command: 'printf "%s %s\\n" "$G" "$V" >> "seen-$TINTYPE_INDEX"; test -e go || until [ -e go ]; do sleep 0.01; done'
  - { name: nested, type: job, file: child.yaml, params: { token: "\${{ secrets.TOKEN }}" } }
`;

/** A job that a process left behind when it died, with the old secrets. */
const left = async (over: string, input = {}) => {
  const { folder, file, db } = project(flow(over));
  writeFileSync(join(folder, 'child.yaml'), CHILD);
  const env = { PATH: process.env.PATH, TOKEN: OLD, LIST: `${OLD},${OLD}` };
  let running = 0;
  const all = (event: Parameters<ReturnType<typeof comesTo>>[0]) =>
    event.type === 'task.transition' && event.to === 'running' && event.task.includes('[') && ++running === 4;
  await diedAt(file, db, all, { env, input });
  const kept = readdirSync(folder).filter((name) => name.startsWith('jobs.db'));
  const stored = kept.map((name) => readFileSync(join(folder, name), 'latin1')).join('');
  const { stdout: exported } = await tintype(['export', 'dead', '--db', db]);
  writeFileSync(join(folder, 'go'), '');
  const resume = (env: Record<string, string>) =>
    tintype(['resume', 'dead', '--db', db], { env: { PATH: process.env.PATH as string, ...env } });
  const seen = (name: string) => readFileSync(join(folder, name), 'utf8').trimEnd().split('\n').at(-1);
  return { stored, exported, resume, seen };
};

describe('a secret in items and params', () => {
  test('is in no file, and a resume uses the one of its own environment', async () => {
    const { stored, exported, resume, seen } = await left('["${{ secrets.TOKEN }}", "id-${{ secrets.TOKEN }}"]');
    expect(stored + exported).not.toMatch(/hunter2|old-secret/);
    expect(exported).toContain('"note":"items"');
    const { exitCode, stderr } = await resume({ TOKEN: NEW, LIST: 'a,b' });
    expect(exitCode).toBe(0);
    expect([seen('seen-0'), seen('seen-1')]).toEqual([`none ${NEW}`, `none id-${NEW}`]);
    expect(seen('seen')).toContain(NEW);
    expect(stderr).not.toContain('placeholder');
  });

  test('that can not be evaluated again is a placeholder, and the resume says so', async () => {
    const { resume, seen } = await left('"secrets.LIST.split(\',\')"');
    const { exitCode, stderr } = await resume({ TOKEN: NEW, LIST: 'sesame7-one' });
    expect(exitCode).toBe(0);
    expect(seen('seen-1')).toBe('none ***');
    expect(stderr).toContain('warning: what was made of secrets in task "each" was not kept');
  });

  test('that was given as a param is not kept, and the resume says so', async () => {
    const { stored, exported, resume, seen } = await left('[a, b]', { params: { given: `Bearer ${OLD}` } });
    expect(stored + exported).not.toMatch(/hunter2|old-secret/);
    const { exitCode, stderr } = await resume({ TOKEN: NEW, LIST: 'a,b' });
    expect(exitCode).toBe(0);
    expect(seen('seen-0')).toBe('Bearer *** a');
    expect(stderr).toContain('warning: A secret that was given in 1 param (given) was not kept');
  });
});

describe('a secret that is sent to the process that runs a job', () => {
  /** A job that waits in this process, and a shell that knows one of its two secrets. */
  const waiting = async () => {
    const { file, db } = project(`
name: approval
secrets: [TOKEN, OTHER]
tasks: [{ name: a, type: external }, { name: b, type: external }, { name: c, type: external }]
`);
    const { definition } = await loadWorkflow(file, { env: { TOKEN: OLD, OTHER: NEW } });
    const journal = opened(db);
    const sent: string[] = [];
    const receive: typeof journal.receive = async (held) => {
      const messages = await journal.receive(held);
      sent.push(...messages.map(({ message }) => message));
      return messages;
    };
    const metadata = runMetadata(file, { workers: 4, grace: 2000 });
    const job = definition.start({}, { journal: { ...journal, receive }, metadata });
    onTestFinished(async () => void (await job.cancel()));
    await job.saved();
    const io = { env: { PATH: process.env.PATH as string, OTHER: NEW } };
    return { sent, send: (...args: string[]) => tintype([...args, '--db', db], io) };
  };

  test('is masked where it arrives, in each spelling, though the shell does not know it', async () => {
    const { send, sent } = await waiting();
    const escaped = [...OLD].map((one) => `\\u00${one.charCodeAt(0).toString(16)}`).join('');
    const spellings = [OLD, OLD.replaceAll('-', '%2D'), Buffer.from(`a:${OLD}`).toString('base64'), escaped];
    const output = JSON.stringify({ [OLD]: spellings, other: NEW }).replaceAll('\\\\', '\\');
    expect(await send('complete', 'last', 'a', '--output', output)).toMatchObject({ exitCode: 0, stderr: '' });
    expect(await send('complete', 'last', 'b', '--fail', `no ${spellings.join(' ')} ${NEW}`)).toMatchObject({
      exitCode: 0,
    });
    expect((await send('cancel', 'last', '--reason', `for ${spellings.join(' ')} ${NEW}`)).exitCode).toBe(0);
    expect(sent).toHaveLength(3);
    expect(sent.join()).toContain(OLD);
    expect(sent.join()).not.toContain(NEW);
    const { stdout } = await send('export', 'last');
    expect(stdout).toContain('for ***');
    expect(stdout).not.toMatch(/hunter2|old-secret|sesame7|new-secret/);
    for (const spelling of spellings) expect(stdout).not.toContain(spelling.slice(-12));
  });
});
