// The tree is tidy, and tidy can tell when it is not.
import {expect, test} from 'vitest';
import {layerBreaches} from './layers.ts';
import {sourceFiles} from './source-files.ts';
import {stripLiterals, tidy} from './tidy.ts';

const header = '// a file\n';
const messages = (path: string, text: string) => tidy([{path, text: header + text}]).map(({message}) => message);

test('the tree is tidy', () => {
  expect(tidy(sourceFiles()).map(({file, line, message}) => `${file}:${line}: ${message}`)).toEqual([]);
});

test.each([
  ['sim/a.ts', "import {x} from '../server-core/raft/node.ts';", 'sim/ may not import server-core/'],
  ['base/a.ts', "import type {Env} from '../env/env.ts';", 'base/ may not import env/'],
  ['server-core/wal/a.ts', "import {x} from '../mvcc/store.ts';", 'server-core/wal may not import server-core/mvcc'],
  ['checkers/a.ts', "import {\n  x,\n} from '../server-core/a.ts';", 'checkers/ may not import server-core/'],
  ['env/a.ts', "import {x} from './fiber';", 'imports name the file with its ending'],
])('a breach of layers is found: %s imports %s', (path, text, reason) => {
  expect(layerBreaches(path, text).map((breach) => breach.reason)).toEqual([reason]);
});

test('imports that point down are fine, and tests of server-core may run on sim', () => {
  expect(layerBreaches('sim/a.ts', "import {x} from '../env/fiber.ts';")).toEqual([]);
  expect(layerBreaches('server-core/wal/a.test.ts', "import {x} from '../../sim/disk.ts';")).toEqual([]);
});

test.each([
  ['const now = Date.now();', 'Date is banned here; use env.clock'],
  ['const x = Math.random();', 'Math.random is banned here; use a named stream of base/random.ts'],
  ['export async function f() {}', 'async is banned here; use a fiber'],
  ["import fs from 'node:fs';", 'imports node:fs: nothing of Node below campaign/'],
  ['const y = `${process.env}`;', 'process.env is banned here; use an option of the caller'],
])('below campaign/ this is found: %s', (text, message) => {
  expect(messages('sim/a.ts', text)).toContain(message);
  expect(messages('cli/a.ts', text)).not.toContain(message);
});

test('words in comments and texts are not code', () => {
  expect(stripLiterals("a; // Date\nb('Date'); /* await\n */ c(`Date ${d}`);").match(/Date|await/g)).toBeNull();
});

test('a file of 501 lines and a file without a purpose are found', () => {
  expect(messages('sim/a.ts', 'x;\n'.repeat(500))).toContain('501 lines; split it: at most 500');
  expect(tidy([{path: 'sim/b.ts', text: 'x;'}]).map(({message}) => message)).toContain(
    'the first line does not say what the file is for',
  );
});
