import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vite';

const SERVER = process.env.TINTYPE_SERVER ?? 'http://127.0.0.1:8080';

export default defineConfig({
  resolve: { alias: { 'd3-transition': fileURLToPath(new URL('src/graph/no-transitions.ts', import.meta.url)) } },
  oxc: { jsx: { runtime: 'automatic' } },
  build: {
    outDir: '../dist/ui',
    emptyOutDir: true,
    target: 'es2022',
    modulePreload: { polyfill: false },
    // The policy of the server admits no data: URLs in styles and scripts.
    assetsInlineLimit: 0,
  },
  server: { proxy: { '/api': SERVER, '/signin': SERVER, '/docs': SERVER, '/openapi.json': SERVER } },
});
