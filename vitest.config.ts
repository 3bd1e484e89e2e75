import { fileURLToPath } from 'node:url';
import { defineConfig } from 'vitest/config';

const src = (file: string): string => fileURLToPath(new URL(`./src/${file}`, import.meta.url));

export default defineConfig({
  resolve: {
    alias: [
      { find: /^tintype$/, replacement: src('index.ts') },
      { find: /^tintype\/([a-z]+)$/, replacement: src('$1.ts') },
    ],
  },
  test: {
    testTimeout: 60_000,
    // Many tests wait for processes and browsers: by default one core would be left idle, of two one half.
    maxWorkers: '100%',
    include: ['test/**/*.test.ts'],
    typecheck: { include: ['test-d/**/*.test-d.ts'] },
  },
});
