// tsc writes plain files; the command has to be executable. On Windows this changes nothing.
import { chmodSync, existsSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const command = fileURLToPath(new URL('../dist/cli/main.js', import.meta.url));
if (existsSync(command)) chmodSync(command, 0o755);
