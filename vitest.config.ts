// vitest.config.ts: one run of all tests; two workers, because two cores are what CI has.
import {defineConfig} from 'vitest/config';

export default defineConfig({
  test: {
    include: ['**/*.test.ts'],
    exclude: ['node_modules/**', 'dist/**'],
    maxWorkers: 2,
    testTimeout: 120_000,
  },
});
