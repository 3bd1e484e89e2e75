import type { Argument, Command, Option } from 'commander';

export type CommandShape = {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionShape[];
  readonly args: readonly ArgumentShape[];
  readonly commands: readonly CommandShape[];
};

export type OptionShape = {
  /** As typed: `-w`, `--workers`. */
  readonly flags: readonly string[];
  readonly description: string;
  readonly value: ArgumentShape | undefined;
};

export type ArgumentShape = { readonly name: string; readonly completes: Completes };

/** What a shell offers for a value: some words, workflow files, any files, or nothing. */
export type Completes = readonly string[] | 'workflow' | 'file' | 'unknown';

/** Reads the shape of a program, including the help commands and options that commander adds. */
export const commandShape = (command: Command, siblings: readonly Command[] = []): CommandShape => {
  const help = command.createHelp();
  const commands = help.visibleCommands(command);
  return {
    name: command.name(),
    description: command.description(),
    options: help.visibleOptions(command).map(optionShape),
    args: command.registeredArguments.map((argument) => argumentShape(argument, siblings)),
    commands: commands.map((inner) => commandShape(inner, command.commands)),
  };
};

const optionShape = ({ short, long, description, argChoices, flags }: Option): OptionShape => {
  const name = /[<[]([^>\]]+)/.exec(flags)?.[1];
  return {
    flags: [short, long].filter((flag) => flag !== undefined),
    description,
    value: name === undefined ? undefined : { name, completes: argChoices ?? fileKind(name, long === '--file') },
  };
};

const argumentShape = (argument: Argument, siblings: readonly Command[]): ArgumentShape => {
  const name = argument.name();
  // The argument of `help` is the name of a sibling command.
  const names = name === 'command' ? siblings.map((sibling) => sibling.name()) : undefined;
  return { name, completes: argument.argChoices ?? names ?? fileKind(name, true) };
};

/** Returns what a shell offers for a value called `name`. `isSubject`: whether a file there is a workflow. */
const fileKind = (name: string, isSubject: boolean): Completes => {
  if (name !== 'file') return 'unknown';
  return isSubject ? 'workflow' : 'file';
};

/** A command and its path, such as `/run` or `/db/check`. The path of the program itself is empty. */
export type CommandAt = { readonly path: string; readonly command: CommandShape };

export const paths = (command: CommandShape, path = ''): readonly CommandAt[] => [
  { path, command },
  ...command.commands.flatMap((inner) => paths(inner, `${path}/${inner.name}`)),
];
