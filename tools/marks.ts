// tools/marks.ts: `node tools/marks.ts` writes campaign/known-marks.ts: every mark that the code can hit, so that a campaign can say which
// it never did. A test keeps the file as the code is. Marks whose names are put together at run time are not listed.
import {writeFileSync} from 'node:fs';
import {join} from 'node:path';
import {ROOT, sourceFiles} from './source-files.ts';

/** The text of campaign/known-marks.ts for the present code. */
export function knownMarksText(): string {
  const names = new Set<string>();
  for (const {path, text} of sourceFiles()) {
    if (path.endsWith('.test.ts') || !/^(sim|server-core|scenarios)\//.test(path)) continue;
    for (const [, name = ''] of text.matchAll(/\btrace\.mark\(\s*'([^']+)'\s*\)/g)) {
      if (!name.startsWith('plant:')) names.add(name);
    }
  }
  const lines = [...names].sort().map((name) => `  '${name}',`);
  const head = '// campaign/known-marks.ts: marks that the code can hit; written by `node tools/marks.ts`.';
  return `${head}\nexport const KNOWN_MARKS: readonly string[] = [\n${lines.join('\n')}\n];\n`;
}

/** Where it belongs. */
export const KNOWN_MARKS_PATH = join(ROOT, 'campaign', 'known-marks.ts');

if (process.argv[1] === import.meta.filename) writeFileSync(KNOWN_MARKS_PATH, knownMarksText());
