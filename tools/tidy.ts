// tools/tidy.ts: what no formatter or type checker sees: names that are banned where determinism is sacred, files that grow too
// large, files that nobody uses. Function sizes are biome's (noExcessiveLinesPerFunction). Limits only tighten.
import {importsOf, layerBreaches, resolveImport} from './layers.ts';
import type {SourceFile} from './source-files.ts';

export interface TidyFinding {
  readonly file: string;
  readonly line: number;
  readonly message: string;
}

/** Layers in which a run must be a pure function of plan, seed and code. */
const DETERMINISTIC = ['base', 'env', 'history', 'sim', 'server-core', 'checkers', 'scenarios'];

/** A name, and what to use in its place. */
const BANNED: readonly {readonly pattern: RegExp; readonly instead: string}[] = [
  {pattern: /\bDate\b/, instead: 'env.clock'},
  {pattern: /\bMath\.random\b/, instead: 'a named stream of base/random.ts'},
  {
    pattern: /\bMath\.(exp|log|log2|log10|pow|sin|cos|tan|cbrt|sqrt)\b/,
    instead: 'whole-number arithmetic: last digits differ between engines',
  },
  {
    pattern: /\b(setTimeout|setInterval|setImmediate|queueMicrotask|requestAnimationFrame)\b/,
    instead: 'sleepUs() or after() of env/fiber.ts',
  },
  {pattern: /\b(async|await)\b/, instead: 'a fiber'},
  {pattern: /\bPromise\b/, instead: 'Promised of env/sync.ts'},
  {
    pattern: /\bprocess\.(env|argv|exit|hrtime|nextTick|cwd|memoryUsage|stdout|stderr|platform|on)\b/,
    instead: 'an option of the caller',
  },
  {pattern: /\bperformance\b/, instead: 'env.clock'},
  {pattern: /\bcrypto\b/, instead: 'base/digest.ts or @noble/hashes'},
  {pattern: /\bBuffer\b/, instead: 'Uint8Array and base/byte-string.ts'},
  {pattern: /\b(Intl|toLocaleString|localeCompare)\b/, instead: 'compare by code unit'},
  {pattern: /\bWeakRef|FinalizationRegistry\b/, instead: 'explicit lifetimes: garbage collection is not deterministic'},
  {pattern: /\bconsole\b/, instead: 'env.trace'},
];

const FILE_LINES_MAX = 500;
const TEST_FILE_LINES_MAX = 800;

/** Files that nothing imports because something outside starts them. */
const ENTRIES = [
  /^cli\/main\.ts$/,
  /^tools\//,
  /\.test\.ts$/,
  /\.bench\.ts$/,
  /^[^/]*\.config\.ts$/,
  /^reports\/page\//,
  /worker\.ts$/,
];

/** Every finding in these files. */
export function tidy(files: readonly SourceFile[]): TidyFinding[] {
  return [...files.flatMap(checkFile), ...deadFiles(files)];
}

function checkFile({path, text}: SourceFile): TidyFinding[] {
  const findings: TidyFinding[] = [];
  const isTest = /\.test\.ts$/.test(path);
  const add = (line: number, message: string) => findings.push({file: path, line, message});
  for (const breach of layerBreaches(path, text)) add(breach.line, `imports ${breach.imports}: ${breach.reason}`);
  const lines = text.split('\n');
  const linesMax = isTest ? TEST_FILE_LINES_MAX : FILE_LINES_MAX;
  if (lines.length - 1 > linesMax) add(linesMax, `${lines.length - 1} lines; split it: at most ${linesMax}`);
  if (!isTest && !/^(\/\/|#!|\/\*)/.test(text)) add(1, 'the first line does not say what the file is for');
  if (!DETERMINISTIC.includes(path.split('/')[0] ?? '') || isTest) return findings;
  for (const {target, line} of importsOf(text)) {
    if (target.startsWith('node:')) add(line, `imports ${target}: nothing of Node below campaign/`);
  }
  for (const [index, line] of stripLiterals(text).split('\n').entries()) {
    for (const {pattern, instead} of BANNED) {
      const match = pattern.exec(line);
      if (match !== null) add(index + 1, `${match[0]} is banned here; use ${instead}`);
    }
  }
  return findings;
}

/** The text with comments and string contents blanked, line breaks kept. Template holes stay code. */
export function stripLiterals(text: string): string {
  return text.replace(
    /\/\/[^\n]*|\/\*[\s\S]*?\*\/|'(?:\\.|[^'\\\n])*'|"(?:\\.|[^"\\\n])*"|`(?:\\.|\$\{[^}]*\}|[^`\\])*`/g,
    (literal) => {
      if (literal.startsWith('`')) {
        const holes = literal.match(/\$\{[^}]*\}/g) ?? [];
        return holes.join(' ') + '\n'.repeat((literal.match(/\n/g) ?? []).length);
      }
      return literal.replace(/[^\n]/g, ' ');
    },
  );
}

function deadFiles(files: readonly SourceFile[]): TidyFinding[] {
  const used = new Set<string>();
  for (const {path, text} of files) {
    for (const {target} of importsOf(text)) if (target.startsWith('.')) used.add(resolveImport(path, target));
  }
  return files
    .filter(({path}) => !used.has(path) && !ENTRIES.some((entry) => entry.test(path)))
    .map(({path}) => ({file: path, line: 1, message: 'nothing imports this file'}));
}
