import { type CommandShape, type Completes, paths } from './command-shape.ts';

/** Returns the completion script for bash 3.2 (the version of macOS) or later. */
export const bashCompletion = (program: CommandShape): string => {
  const { name } = program;
  const all = paths(program);
  const commands = all.flatMap(({ path }) => (path === '' ? [] : [path]));
  const valued = all.flatMap(({ path, command }) =>
    command.options.flatMap(({ flags, value }) =>
      value ? [{ patterns: flags.map((flag) => `${path} ${flag}`), completes: value.completes }] : [],
    ),
  );
  const flags = all.map(({ path, command }) => ({
    patterns: [path],
    completes: command.options.flatMap((option) => option.flags),
  }));
  const args = all.flatMap(({ path, command }) =>
    command.commands.length > 0
      ? [{ patterns: [`${path} 0`], completes: command.commands.map((inner) => inner.name) }]
      : command.args.map(({ completes }, at) => ({ patterns: [`${path} ${at}`], completes })),
  );
  const branches = (choices: readonly Branch[]): string => choices.map((choice) => branch(choice, name)).join('');
  return `# Completion of ${name} for bash. In ~/.bashrc: source <(${name} completion bash)
_${name}() {
  local word=\${COMP_WORDS[COMP_CWORD]} path='' option='' at=0 i
  # Readline makes "=" a word of its own.
  [[ $word == = ]] && word=''
  for ((i = 1; i < COMP_CWORD; i++)); do
    case "$path \${COMP_WORDS[i]}" in
      ${anyOf(valued.flatMap(({ patterns }) => patterns))})
        option=\${COMP_WORDS[i++]}
        [[ \${COMP_WORDS[i]} == = ]] && ((i++))
        # So is the ":" in a URL.
        while [[ \${COMP_WORDS[i + 1]} == : ]]; do ((i += 2)); done
        continue ;;
    esac
    [[ \${COMP_WORDS[i]} == -* ]] && continue
    case "$path/\${COMP_WORDS[i]}" in
      ${anyOf(commands)}) path+=/\${COMP_WORDS[i]} ;;
      *) ((at++)) ;;
    esac
  done
  COMPREPLY=()
  if ((i > COMP_CWORD)); then
    case "$path $option" in
${branches(valued)}    esac
  elif [[ $word == -* ]]; then
    case $path in
${branches(flags)}    esac
  else
    case "$path $at" in
${branches(args)}    esac
  fi
}

_${name}_words() {
  local reply
  while IFS= read -r reply; do COMPREPLY+=("$reply"); done < <(compgen -W "$1" -- "$word")
}

# Directories, and the files that end in one of the arguments; without any, all files.
_${name}_files() {
  local reply end
  compopt -o filenames 2> /dev/null
  while IFS= read -r reply; do COMPREPLY+=("$reply"); done < <(
    if (($#)); then compgen -d -- "$word"; else compgen -f -- "$word"; fi
    for end; do compgen -f -X "!*$end" -- "$word"; done
  )
}

complete -F _${name} ${name}
`;
};

type Branch = { readonly patterns: readonly string[]; readonly completes: Completes };

const branch = ({ patterns, completes }: Branch, program: string): string => {
  const call = action(completes);
  return call === undefined ? '' : `      ${anyOf(patterns)}) _${program}_${call} ;;\n`;
};

const anyOf = (patterns: readonly string[]): string => patterns.map(quote).join(' | ');

const action = (completes: Completes): string | undefined => {
  switch (completes) {
    case 'workflow':
      return 'files .yaml .yml';
    case 'file':
      return 'files';
    case 'unknown':
      return undefined;
    default:
      return completes.length === 0 ? undefined : `words ${quote(completes.join(' '))}`;
  }
};

const quote = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;
