// For those who work on the web UI: Vite in front of a real server, which shows the demo, or a database: npm run ui [-- --db FILE]
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { createServer } from 'vite';

const root = fileURLToPath(new URL('..', import.meta.url));
// Tests have a program of their own.
const cli = process.env.TINTYPE_CLI ?? join(root, 'dist/cli/main.js');
if (!existsSync(cli) || !existsSync(join(root, 'ui/index.html'))) {
  console.error(existsSync(cli) ? 'There is no folder ui.' : 'Build the server first: npm run build');
  process.exit(1);
}
const given = process.argv.slice(2);
const args = ['serve', '--port', '0', ...(given.includes('--db') ? [] : ['--demo']), ...given];
const server = spawn(process.execPath, [cli, ...args], { stdio: ['ignore', 'pipe', 'inherit'] });
server.once('exit', (code) => process.exit(code ?? 1));
process.once('exit', () => server.kill());
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => server.kill(signal));

const target = await new Promise((resolve) => {
  let text = '';
  server.stdout.on('data', (chunk) => {
    process.stdout.write(chunk);
    text += chunk;
    const [, url] = /^Serving (http\S+),/m.exec(text) ?? [];
    if (url) resolve(url);
  });
});
// The pages are Vite's; the rest is the server's, whose requests come from its own origin.
const proxied = { target, changeOrigin: true, headers: { origin: target } };
const vite = await createServer({
  root: join(root, 'ui'),
  server: {
    host: '127.0.0.1',
    proxy: { '/api': proxied, '/signin': proxied, '/docs': proxied, '/openapi.json': proxied },
  },
});
await vite.listen();
vite.printUrls();
