import type { CliIo } from './terminal/io.ts';
import { writeMessage } from './terminal/json-messages.ts';

/** Writes the warnings of a process as JSON instead of the text that Node.js prints, if it prints them. */
export const warnInJson = (target: NodeJS.Process, stderr: CliIo['stderr']): void => {
  const printer = target.listeners('warning').find(({ name }) => name === 'onWarning');
  if (!printer) return;
  target.off('warning', printer);
  target.on('warning', ({ name, message, code = name }: Error & { readonly code?: string }) =>
    writeMessage({ stderr, logFormat: 'json' }, message, { level: 'warn', code }),
  );
};
