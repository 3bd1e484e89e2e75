import { readFileSync } from 'node:fs';
import { CommanderError } from 'commander';
import { createProgram, FIRST_STEPS } from './program.ts';
import { EXIT } from './terminal/exit-code.ts';
import type { CliIo } from './terminal/io.ts';
import { logFormatOf, writeMessage } from './terminal/json-messages.ts';
import { unexpectedText } from './terminal/unexpected-error.ts';

/** Runs a command line, given without the program's own name. Resolves to the exit code, whatever is thrown. */
export const runCli = async (argv: readonly string[], given: CliIo): Promise<number> => {
  const io = { ...given, logFormat: logFormatOf(argv, given.env) };
  let exitCode: number = EXIT.completed;
  const done = (code: number): void => {
    exitCode = code;
  };
  if (argv.length === 0) {
    io.stdout.write(FIRST_STEPS);
    return EXIT.completed;
  }
  try {
    const program = await createProgram(packageVersion(), { io, done }, argv);
    await program.parseAsync(argv, { from: 'user' });
    return exitCode;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).syscall === 'uv_cwd') {
      writeMessage(io, 'error: The working directory is gone. Change to one that is there.\n');
      return EXIT.usage;
    }
    if (!(error instanceof CommanderError)) {
      io.stderr.write(unexpectedText(error, io));
      return EXIT.unexpected;
    }
    const [file = ''] = argv;
    if (error.code === 'commander.unknownCommand' && /\.ya?ml$/i.test(file)) {
      writeMessage(io, `To run a file: tintype run ${file}\n`);
    }
    return error.exitCode === 0 ? EXIT.completed : EXIT.usage;
  }
};

const packageVersion = (): string =>
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')).version;
