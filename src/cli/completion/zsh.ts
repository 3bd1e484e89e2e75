import { type CommandAt, type CommandShape, type Completes, type OptionShape, paths } from './command-shape.ts';

/** Returns the completion script for zsh, to source after `compinit`, or to save as `_tintype` in `$fpath`. */
export const zshCompletion = (program: CommandShape): string => {
  const { name } = program;
  return `#compdef ${name}
# Completion of ${name} for zsh. In ~/.zshrc, after compinit: source <(${name} completion zsh)
${paths(program)
  .map((at) => completer(at, name))
  .join('\n')}
if [[ $funcstack[1] == _${name} ]]; then
  _${name} "$@"
else
  compdef _${name} ${name}
fi
`;
};

const completer = ({ path, command }: CommandAt, program: string): string => {
  const options = command.options.flatMap(optionSpecs);
  if (command.commands.length === 0) {
    const args = command.args.map(({ name, completes }, at) =>
      quote(`${at + 1}:${escapeSpec(name)}:${action(completes)}`),
    );
    return `${functionOf(path, program)}() {
  _arguments -s ${[...options, ...args].join(LINE)}
}
`;
  }
  const described = command.commands.map(({ name, description }) => quote(`${name}:${description}`));
  const branches = command.commands.map(({ name }) => `    ${name}) ${functionOf(`${path}/${name}`, program)} ;;`);
  return `${functionOf(path, program)}() {
  local context state state_descr line curcontext=$curcontext
  local -a commands
  typeset -A opt_args
  _arguments -s -C ${[...options, "'1:command:->command'", "'*::argument:->argument'"].join(LINE)} && return
  if [[ $state == command ]]; then
    commands=(
      ${described.join('\n      ')}
    )
    _describe command commands
    return
  fi
  case $line[1] in
${branches.join('\n')}
  esac
}
`;
};

const LINE = ' \\\n    ';

const functionOf = (path: string, program: string): string => `_${program}${path.replaceAll('/', '_')}`;

const optionSpecs = ({ flags, description, value }: OptionShape): readonly string[] => {
  const label = `[${description.replace(/[[\]\\:]/g, '\\$&')}]`;
  // An option with a value may be given again, so it is offered again; the program checks how often it is allowed.
  if (value) {
    const rest = `${label}:${escapeSpec(value.name)}:${action(value.completes)}`;
    return flags.map((flag) => quote(`*${flag}${flag.startsWith('--') ? '=' : '+'}${rest}`));
  }
  return flags.map((flag) => quote(`(${flags.join(' ')})${flag}${label}`));
};

const action = (completes: Completes): string => {
  switch (completes) {
    case 'workflow':
      return '_files -g "*.(yaml|yml)"';
    case 'file':
      return '_files';
    case 'unknown':
      return ' ';
    default:
      return `(${completes.join(' ')})`;
  }
};

/** Escapes `:` and `\`, which are special in the specs of `_arguments`. */
const escapeSpec = (name: string): string => name.replace(/[:\\]/g, '\\$&');

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
