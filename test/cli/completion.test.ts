import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { Command, Option } from 'commander';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type CompletedShell, completion } from '../../src/cli/completion/completion.ts';
import { createProgram } from '../../src/cli/program.ts';
import { tintype } from '../support/cli.ts';
import { openTerminal } from '../support/terminal.ts';

/** Where the shells complete: it holds workflows, another file, and directories. */
let folder = '';
/** What holds a directory for each zsh, with what that reads when it starts. */
let homes = '';
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'tintype-'));
  homes = mkdtempSync(join(tmpdir(), 'tintype-'));
  for (const name of ['day.yaml', 'night.yml', 'notes.txt']) writeFileSync(join(folder, name), '');
  mkdirSync(join(folder, 'more jobs'));
  writeFileSync(join(folder, 'more jobs/inner.yaml'), '');
});
afterAll(() => {
  for (const directory of [folder, homes]) rmSync(directory, { recursive: true, force: true });
});

/** What a shell offers after a line, sorted; a directory without the slash at its end. */
type Ask = (script: string, line: string) => Promise<readonly string[]>;

const offered = (printed: string): readonly string[] =>
  printed
    .split('\n')
    .map((line) => line.split('\t', 1)[0]?.trim().replace(/\/$/, '') ?? '')
    .filter((line) => line !== '')
    .sort();

const run = async (program: string, args: readonly string[]): Promise<string> =>
  (await promisify(execFile)(program, args, { cwd: folder })).stdout;

/** Splits the line as readline does, for which `=` and `:` are words. */
const askBash: Ask = async (script, line) => {
  const words = line.split(/([=:])| +/).filter((word) => word !== undefined && (word !== '' || line.endsWith(' ')));
  const completed = line.endsWith(' ') || line.endsWith('=') ? [...words.filter(Boolean), ''] : words;
  // A "=" at the end is itself the word that is completed.
  if (line.endsWith('=')) completed.pop();
  const command = `${script}
COMP_WORDS=("$@")
COMP_CWORD=$((\${#COMP_WORDS[@]} - 1))
_$1
printf '%s\\n' "\${COMPREPLY[@]}"`;
  return offered(await run('bash', ['--noprofile', '--norc', '-c', command, 'bash', ...(completed as string[])]));
};

/** Completes in the line editor, as soon as that begins, and writes down what is offered. */
const askZsh =
  (install: string): Ask =>
  async (script, line) => {
    const home = mkdtempSync(join(homes, 'zsh-'));
    const program = /_(\w+)\(\)/.exec(script)?.[1] ?? '';
    writeFileSync(join(home, `_${program}`), script);
    writeFileSync(
      join(home, '.zshrc'),
      `${install}
compadd() {
  local -a hits
  (( $@[(I)-(O|A|D)*] )) || { builtin compadd -A hits "$@"; print -rl -- $hits >> $ZDOTDIR/offered; }
  builtin compadd "$@"
}
zle-line-init() { BUFFER=$LINE; CURSOR=$#BUFFER; zle complete-word; exit }
zle -N zle-line-init`.replaceAll('SCRIPT', `_${program}`),
    );
    const options = { columns: 200, rows: 50, cwd: folder, env: { ZDOTDIR: home, LINE: line, SHELL: 'zsh' } };
    writeFileSync(join(home, 'offered'), '');
    await openTerminal('zsh', ['-i'], options).ended;
    return offered(readFileSync(join(home, 'offered'), 'utf8').replaceAll('\\ ', ' '));
  };

const ZSH_SOURCED = 'autoload -Uz compinit && compinit -u -D && source $ZDOTDIR/SCRIPT';
const ZSH_FOUND = 'fpath=($ZDOTDIR $fpath) && autoload -Uz compinit && compinit -u -D';

/** Tells the whole word, `--format=dot`; of which the others tell what follows `=`. */
const askFish: Ask = async (script, line) => {
  const printed = await run('fish', ['--no-config', '-c', `${script}\ncomplete -C $argv[1]`, '--', line]);
  return offered(printed.replaceAll(/^--[^\t\n=]*=/gm, ''));
};

const SHELLS: readonly [name: string, shell: CompletedShell, ask: Ask][] = [
  ['bash', 'bash', askBash],
  ['zsh, sourced', 'zsh', askZsh(ZSH_SOURCED)],
  ['zsh, from $fpath', 'zsh', askZsh(ZSH_FOUND)],
  ['fish', 'fish', askFish],
];

const io = { stdout: process.stdout, stderr: process.stderr, env: {}, signals: process };
const program = await createProgram('1.0.0', { io, done: () => {} }, ['completion']);
const COMMANDS = ['completion', 'graph', 'help', 'init', 'run', 'schema', 'validate'];
const WORKFLOWS = ['day.yaml', 'more jobs', 'night.yml'];

const isInstalled = (shell: string): boolean =>
  (process.env.PATH ?? '').split(delimiter).some((directory) => {
    try {
      return readFileSync(join(directory, shell)).length > 0;
    } catch {
      return false;
    }
  });

const required = process.env.TINTYPE_TEST_SHELLS === 'required';

for (const [name, shell, ask] of SHELLS) {
  const missing = !isInstalled(shell) && !required;
  if (missing) console.warn(`${name} is not installed: its completion is not tested.`);

  describe.skipIf(missing).concurrent(`completion in ${name}`, () => {
    const offers = (line: string, made = program): Promise<readonly string[]> => ask(completion(shell, made), line);

    test('offers the commands', async () => {
      expect(await offers('tintype ')).toEqual(expect.arrayContaining(COMMANDS));
      expect(await offers('tintype gr')).toEqual(['graph']);
      expect(await offers('tintype help va')).toEqual(['validate']);
    });

    test('offers workflow files and directories where a workflow is named', async () => {
      expect(await offers('tintype run ')).toEqual(WORKFLOWS);
      expect(await offers('tintype run --verbose -w 4 ')).toEqual(WORKFLOWS);
      expect(await offers('tintype graph --file ')).toEqual(WORKFLOWS);
      expect(await offers('tintype validate n')).toEqual(['night.yml']);
    });

    test('offers any file where one is read or written', async () => {
      expect(await offers('tintype run day.yaml --events ')).toEqual([...WORKFLOWS, 'notes.txt']);
      expect(await offers('tintype run day.yaml --params-file no')).toEqual(['notes.txt']);
    });

    test('offers the choices of an option and of an argument', async () => {
      expect(await offers('tintype run day.yaml --on-failure ')).toEqual(['abort', 'continue', 'drain']);
      expect(await offers('tintype run day.yaml --on-failure=')).toEqual(['abort', 'continue', 'drain']);
      expect(await offers('tintype graph --format=m')).toEqual(['mermaid']);
      expect(await offers('tintype completion ')).toEqual(['bash', 'fish', 'zsh']);
    });

    test('offers the options of the command alone', async () => {
      expect(await offers('tintype run --d')).toEqual(['--db', '--dry-run']);
      expect(await offers('tintype run day.yaml --on')).toEqual(['--on-failure', '--on-signal', '--only']);
      expect(await offers('tintype graph --dr')).toEqual([]);
      expect(await offers('tintype init --f')).toEqual(['--force']);
    });

    test('offers commands and their options after a server', async () => {
      expect(await offers('tintype --tok')).toEqual(['--token', '--token-file']);
      expect(await offers('tintype --token-file no')).toEqual(['notes.txt']);
      expect(await offers('tintype --server http://host:8080 can')).toEqual(['cancel']);
      expect(await offers('tintype --server http://host show --gr')).toEqual(['--graph']);
    });

    test('offers nothing for what it can not know', async () => {
      expect(await offers('tintype run day.yaml --workers ')).toEqual([]);
      expect(await offers('tintype run day.yaml --param ')).toEqual([]);
    });

    test('knows every command and option that the program has', async () => {
      for (const command of program.commands) {
        const options = command.options.map(({ long }) => long);
        expect(await offers(`tintype ${command.name()} --`), command.name()).toEqual([...options, '--help'].sort());
      }
    });

    test('reads descriptions as text, and commands below commands', async () => {
      const odd = `a 'quote', a "second" [one]: $HOME \`id\` \\ 100%`;
      const made = new Command('odd').description(odd);
      const queue = made.command('queue').description(odd);
      queue
        .command('pause')
        .description(odd)
        .option('--now', odd)
        .addOption(new Option('-m, --mode <a:b>', odd).choices(['soft', 'hard']));
      queue.command('resume').description(odd);
      expect(await offers('odd q', made)).toEqual(['queue']);
      expect(await offers('odd queue r', made)).toEqual(['resume']);
      expect(await offers('odd queue pause --n', made)).toEqual(['--now']);
      expect(await offers('odd queue pause -m ', made)).toEqual(['hard', 'soft']);
    });
  });
}

test('the command prints the script of a shell, and its help says how to install each', async () => {
  const { exitCode, stdout } = await tintype(['completion', 'fish']);
  expect(exitCode).toBe(0);
  expect(stdout).toContain('complete -c tintype');
  const help = (await tintype(['completion', '--help'])).stdout;
  for (const [line, file] of [
    ['source <(tintype completion bash)', '~/.bashrc'],
    ['source <(tintype completion zsh)', '~/.zshrc'],
    ['tintype completion fish | source', 'config.fish'],
  ]) {
    expect(help).toContain(line);
    expect(help).toContain(file);
  }
});
