// tsdown.config.ts: the published package: plain JavaScript for Node >= 20. The worker thread is a file of its own.
import {defineConfig} from 'tsdown';

export default defineConfig({
  entry: {main: 'cli/main.ts', worker: 'campaign/worker.ts'},
  outDir: 'dist',
  format: 'esm',
  platform: 'node',
  target: 'node20',
  fixedExtension: false,
  dts: false,
  clean: true,
});
