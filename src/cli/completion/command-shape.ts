import type { Argument, Command, Option } from 'commander';

/** What a shell has to know of a command to complete it. */
export type CommandShape = {
  readonly name: string;
  readonly description: string;
  readonly options: readonly OptionShape[];
  readonly args: readonly ArgumentShape[];
  readonly commands: readonly CommandShape[];
};

export type OptionShape = {
  /** As they are typed: `-w`, `--workers`. */
  readonly flags: readonly string[];
  readonly description: string;
  /** Of its value; `undefined` if it takes none. */
  readonly value: ArgumentShape | undefined;
};

export type ArgumentShape = {
  readonly name: string;
  readonly completes: Completes;
};

/** What may stand there: one of some words, a workflow file, any file, or what no shell can know. */
export type Completes = readonly string[] | 'workflow' | 'file' | 'unknown';

/** Takes a program apart; its help commands and options included, which commander shows but does not list. */
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
  // `help` names one of the commands beside it.
  const names = name === 'command' ? siblings.map((sibling) => sibling.name()) : undefined;
  return { name, completes: argument.argChoices ?? names ?? fileKind(name, true) };
};

/** The file that a command is about is a workflow; those of other options may be any. */
const fileKind = (name: string, isSubject: boolean): Completes => {
  if (name !== 'file') return 'unknown';
  return isSubject ? 'workflow' : 'file';
};
