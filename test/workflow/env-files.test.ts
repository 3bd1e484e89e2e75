import { expect, test, vi } from 'vitest';
import { failureOf, problemsOf, runWorkflow } from '../support/run-workflow.ts';

/** What a command finds in `WHO`, and an expression in `env.WHO`. */
const TELLS = `
tasks:
  - { name: told, type: bash, command: 'echo "\${WHO-unset} $SEEN"', env: { SEEN: "\${{ env.?WHO.orValue('none') }}" }, output: text }
`;

const told = async (text: string, files: Readonly<Record<string, string>>, env = {}): Promise<unknown> =>
  (await runWorkflow(text + TELLS, { files, env })).result.ctx.told;

test('env_file: its variables are in the environment of commands, and in expressions', async () => {
  const files = { '.env': '# who\nexport WHO="Ann B" # her\n' };
  expect(await told('env_file: .env', files)).toBe('Ann B Ann B');
  expect(await told('env_file: [.env]', files)).toBe('Ann B Ann B');
  expect(await told('env_file: [{ path: ./.env }]', files)).toBe('Ann B Ann B');
  expect(await told('env_file: []', files)).toBe('unset none');
});

test('env_file: a later file goes before an earlier one, and the environment before all', async () => {
  const files = { 'a.env': 'WHO=a\n', 'b.env': 'WHO=b\n' };
  expect(await told('env_file: [a.env, b.env]', files)).toBe('b b');
  expect(await told('env_file: [b.env, a.env]', files)).toBe('a a');
  vi.stubEnv('WHO', 'outer');
  expect(await told('env_file: [a.env]', files, { WHO: 'outer' })).toBe('outer outer');
  vi.unstubAllEnvs();
});

test('env_file: env of a task goes before it', async () => {
  const { result } = await runWorkflow(
    `env_file: .env\ntasks: [{ name: a, type: bash, command: 'echo "$WHO"', env: { WHO: mine }, output: text }]`,
    { files: { '.env': 'WHO=theirs' } },
  );
  expect(result.ctx.a).toBe('mine');
});

test('env_file: of a file that a task runs is its own', async () => {
  const files = {
    '.env': 'WHO=outer',
    'inner/.env': 'WHO=inner',
    'inner/w.yaml': `name: inner\nenv_file: .env${TELLS}`,
  };
  const none = { 'inner/bare.yaml': `name: bare${TELLS}` };
  const { result } = await runWorkflow(
    `env_file: .env\ntasks: [{ name: with, type: job, file: inner/w.yaml }, { name: bare, type: job, file: inner/bare.yaml }]`,
    { files: { ...files, ...none } },
  );
  expect(result.ctx).toMatchObject({ with: { told: 'inner inner' }, bare: { told: 'unset none' } });
});

test('env_file: secrets are looked up there too, and masked; the environment goes before it', async () => {
  const text = `env_file: .env\nsecrets: [TOKEN]\ntasks: [{ name: a, type: bash, command: 'echo "<$TOKEN> \${#TOKEN}"', output: text }]`;
  const files = { '.env': 'TOKEN=pa55word-0123' };
  expect((await runWorkflow(text, { files })).result.ctx.a).toBe('<***> 13');
  expect((await runWorkflow(text, { files, env: { TOKEN: 'another' } })).result.ctx.a).toBe('<***> 7');
});

test('env_file: sets nothing that an attempt gets from tintype', async () => {
  const files = { '.env': 'TINTYPE_OUTPUT=/nowhere/at/all\nTINTYPE_TASK=other\n' };
  const text = `env_file: .env\ntasks: [{ name: a, type: bash, command: 'echo "{\\"t\\": \\"$TINTYPE_TASK\\"}" > "$TINTYPE_OUTPUT"' }]`;
  const run = await runWorkflow(text, { files });
  expect(failureOf(run, 'a')).toBe('');
  expect(run.result.ctx.t).toBe('a');
});

test('env_file: a file that is missing, or is none, is a problem with its place, unless it may be missing', async () => {
  const files = { folder: '', 'odd.env': 'A=1\nthis is no line\nB C=2\n' };
  expect(await problemsOf('env_file: [.env, { path: other.env }]\ntasks: []', { files })).toEqual([
    '2:12 FILE_NOT_FOUND There is no file .env. Check the path; of one that may be missing say so: { path: .env, required: false }.',
    expect.stringMatching(/^2:18 FILE_NOT_FOUND There is no file other\.env\./),
  ]);
  expect(await problemsOf('env_file: .\ntasks: []', { files })).toEqual([
    expect.stringMatching(/^2:11 FILE_IS_DIRECTORY The variables of \. can't be read\./),
  ]);
  expect(await problemsOf('env_file: odd.env\ntasks: []', { files })).toEqual([
    expect.stringMatching(/^2:11 INVALID_VALUE The file odd\.env sets ".*B C", which is no name of a variable\./),
  ]);
  expect(await problemsOf('env_file: [{ path: none.env, required: false }]\ntasks: []', { files })).toEqual([]);
});
