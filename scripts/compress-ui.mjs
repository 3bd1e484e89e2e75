// Writes each file of the built web UI compressed beside it, .br and .gz, as the server hands them out:
// node scripts/compress-ui.mjs [folder]
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants, gzipSync } from 'node:zlib';

const folder = process.argv[2] ?? fileURLToPath(new URL('../dist/ui', import.meta.url));
const files = readdirSync(folder, { recursive: true }).filter((file) => /\.(?:html|js|css|svg|json|txt)$/.test(file));
for (const file of files.map((name) => join(folder, name))) {
  const content = readFileSync(file);
  const params = { [constants.BROTLI_PARAM_QUALITY]: 11, [constants.BROTLI_PARAM_SIZE_HINT]: content.length };
  writeFileSync(`${file}.br`, brotliCompressSync(content, { params }));
  writeFileSync(`${file}.gz`, gzipSync(content, { level: 9 }));
}
