// biome-ignore-all lint/suspicious/noTemplateCurlyInString: workflow files are written as text here, and this is how an expression in one looks
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { tintype } from '../../support/cli.ts';
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
