import { type ArgumentShape, type CommandAt, type CommandShape, type Completes, paths } from './command-shape.ts';

export const fishCompletion = (program: CommandShape): string => {
  const { name } = program;
  const all = paths(program);
  const valued = all.flatMap(({ path, command }) =>
    command.options.flatMap(({ flags, value }) => (value ? flags.map((flag) => quote(`${path} ${flag}`)) : [])),
  );
  const commands = all.flatMap(({ path }) => (path === '' ? [] : [quote(path)]));
  return `# Completion of ${name} for fish. In ~/.config/fish/config.fish: ${name} completion fish | source

# Whether what is typed so far is a command, such as /run, and so many arguments; without a number: any.
function __${name}_at
    set -l path ''
    set -l at 0
    set -l skip ''
    for word in (commandline -opc)[2..-1]
        if test -n "$skip"
            set skip ''
        else if contains -- "$path $word" ${valued.join(' ')}
            set skip yes
        else if string match -q -- '-*' $word
            continue
        else if contains -- "$path/$word" ${commands.join(' ')}
            set path "$path/$word"
        else
            set at (math $at + 1)
        end
    end
    test "$path" = "$argv[1]"; and test -z "$argv[2]" -o "$at" = "$argv[2]"
end

# Directories, and the files that end in one of the arguments.
function __${name}_files
    __fish_complete_path (commandline -ct) | string match -r "(?:/|$(string join '|' -- $argv | string replace -a . '\\\\.'))(?:\\t.*)?\\$" -e
end

complete -c ${name} -f
${all.flatMap((at) => lines(at, name)).join('\n')}
`;
};

const lines = ({ path, command }: CommandAt, program: string): readonly string[] => {
  const at = (count?: number): string =>
    `complete -c ${program} -n ${quote(`__${program}_at ${quote(path)}${count === undefined ? '' : ` ${count}`}`)}`;
  const options = command.options.map(({ flags, description, value }) =>
    [at(), ...flags.map(flagOf), ...(value ? valueFlags(value, program) : []), '-d', quote(description)].join(' '),
  );
  if (command.commands.length > 0) {
    return [
      ...options,
      ...command.commands.map(({ name, description }) => `${at(0)} -a ${name} -d ${quote(description)}`),
    ];
  }
  const args = command.args.flatMap(({ completes }, index) => {
    const words = wordsOf(completes, program);
    return words === undefined ? [] : [`${at(index)} ${words}`];
  });
  return [...options, ...args];
};

const flagOf = (flag: string): string => (flag.startsWith('--') ? `-l ${flag.slice(2)}` : `-s ${flag.slice(1)}`);

const valueFlags = ({ completes }: ArgumentShape, program: string): readonly string[] => {
  const words = wordsOf(completes, program);
  return words === undefined ? ['-x'] : ['-r', words];
};

const wordsOf = (completes: Completes, program: string): string | undefined => {
  switch (completes) {
    case 'workflow':
      return `-f -k -a '(__${program}_files .yaml .yml)'`;
    case 'file':
      return '-F';
    case 'unknown':
      return undefined;
    default:
      return `-f -a ${quote(completes.join(' '))}`;
  }
};

/** Quotes a text for fish. In single quotes, fish needs only `'` and `\` escaped. */
const quote = (text: string): string => `'${text.replace(/['\\]/g, '\\$&')}'`;
