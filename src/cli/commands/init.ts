import { stat, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { EXIT } from '../terminal/exit-code.ts';
import type { CliIo } from '../terminal/io.ts';
import { writeMessage } from '../terminal/json-messages.ts';
import { plainLines } from '../terminal/safe-text.ts';
import { EXAMPLE_WORKFLOW } from './init-example.ts';
import { schemaText } from './schema.ts';
import { action, type DefineCommand } from './shared-options.ts';

/** Defines `tintype init`. */
export const define: DefineCommand = (command, context) =>
  command
    .addHelpText('after', HELP)
    .argument('[file]', 'the file to write', 'workflow.yaml')
    .option('--force', 'overwrite files that are there')
    .action(action(context, (io, { force }, file) => init(file as string, { force: force === true }, io)));

const HELP = `
Example:
  tintype init && tintype run workflow.yaml

The JSON Schema of workflow files is written beside it, as tintype.schema.json:
the first line of the file names it for editors.
`;

/** The name of the schema's file, which the first line of the example names. */
const SCHEMA = 'tintype.schema.json';

/** Writes an example workflow, and the schema for editors beside it. Resolves to the exit code. */
export const init = async (file: string, { force }: { readonly force: boolean }, io: CliIo): Promise<number> => {
  const flag = force ? 'w' : 'wx';
  const schema = join(dirname(file), SCHEMA);
  const lines = [`Wrote ${file}. Run it: tintype run ${file}`];
  try {
    if (basename(file) === SCHEMA) throw new Error(`${SCHEMA} is the name of the schema. Name another file.`);
    await writeFile(file, EXAMPLE_WORKFLOW, { flag, mode: 0o600 });
    // A device such as /dev/stdout gets the example alone.
    if ((await stat(file)).isFile()) lines.push(await writeSchema(schema, flag));
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === 'EEXIST' ? `${file} is there already. Name another file, or give --force.` : message;
    writeMessage(io, `error: ${why}\n`);
    return EXIT.usage;
  }
  io.stdout.write(plainLines(`${lines.join('\n')}\n`));
  return EXIT.completed;
};

/** Writes the schema. Resolves to a line that says so, or that there is one already. */
const writeSchema = async (file: string, flag: string): Promise<string> => {
  try {
    await writeFile(file, schemaText(), { flag, mode: 0o600 });
    return `Wrote ${file}, by which editors check and complete it.`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    return `${file} was there already, and stays as it is. With --force both are written anew.`;
  }
};
