// tools/source-files.ts: which files are the project's own source.
import {readdirSync, readFileSync} from 'node:fs';
import {dirname, join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';

/** The project's root folder. */
export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)));

const SKIPPED = new Set(['node_modules', 'dist', '.git', 'coverage', 'out']);

export interface SourceFile {
  /** From the root, with '/'. */
  readonly path: string;
  readonly text: string;
}

/** All TypeScript files of the project, sorted by path. */
export function sourceFiles(): SourceFile[] {
  const found: SourceFile[] = [];
  const walk = (directory: string) => {
    for (const entry of readdirSync(directory, {withFileTypes: true})) {
      const path = join(directory, entry.name);
      if (entry.isDirectory()) {
        if (!SKIPPED.has(entry.name)) walk(path);
      } else if (entry.name.endsWith('.ts') && !entry.name.endsWith('.d.ts')) {
        found.push({path: relative(ROOT, path).replaceAll('\\', '/'), text: readFileSync(path, 'utf8')});
      }
    }
  };
  walk(ROOT);
  return found.sort((a, b) => (a.path < b.path ? -1 : 1));
}
