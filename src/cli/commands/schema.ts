import { workflowJsonSchema } from '../../workflow/json-schema.ts';
import { EXIT } from '../terminal/exit-code.ts';
import { action, type DefineCommand } from './shared-options.ts';

/** Defines `tintype schema`. */
export const define: DefineCommand = (command, context) =>
  command.addHelpText('after', HELP).action(
    action(context, async (io) => {
      io.stdout.write(schemaText());
      return EXIT.completed;
    }),
  );

/** Returns the JSON Schema of workflow files as the text of a file. */
export const schemaText = (): string => `${JSON.stringify(workflowJsonSchema(), null, 2)}\n`;

const HELP = `
Example:
  tintype schema > tintype.schema.json

and, as the first line of a workflow file:
  # yaml-language-server: $schema=./tintype.schema.json
`;
