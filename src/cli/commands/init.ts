import { writeFile } from 'node:fs/promises';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { plainLines } from '../terminal/safe-text.ts';
import { EXAMPLE_WORKFLOW } from './init-example.ts';
import { action, type DefineCommand } from './shared-options.ts';

/** Defines `tintype init`. */
export const define: DefineCommand = (command, context) =>
  command
    .addHelpText('after', HELP)
    .argument('[file]', 'the file to write', 'workflow.yaml')
    .option('--force', 'overwrite a file that is there')
    .action(action(context, (io, { force }, file) => init(file as string, { force: force === true }, io)));

const HELP = `
Example:
  tintype init && tintype run workflow.yaml
`;

/** Writes an example workflow. Resolves to the exit code. */
export const init = async (file: string, { force }: { readonly force: boolean }, io: CliIo): Promise<number> => {
  try {
    await writeFile(file, EXAMPLE_WORKFLOW, { flag: force ? 'w' : 'wx', mode: 0o600 });
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? `${file} is there already. Name another file, or give --force.` : message;
    io.stderr.write(plainLines(`error: ${why}\n`));
    return EXIT.usage;
  }
  io.stdout.write(plainLines(`Wrote ${file}. Run it: tintype run ${file}\n`));
  return EXIT.completed;
};
