// Etcd's data-driven suites, text for text, where the oracle folder is; and our own transcripts, always.
import {existsSync, readdirSync, readFileSync} from 'node:fs';
import {join, resolve} from 'node:path';
import {describe, expect, test} from 'vitest';
import {describeDifference, runSuiteFile} from './runners.ts';

const PROJECT = resolve(import.meta.dirname, '../../..');
const ORACLES = join(process.env['ETCDSIM_ORACLES'] ?? join(PROJECT, '../shared'), 'data/raft');
const OWN = resolve(import.meta.dirname, '../testdata');

function runFile(path: string): string {
  const difference = runSuiteFile(path, readFileSync(path, 'utf8'));
  return difference === undefined ? '' : describeDifference(path, difference);
}

const filesIn = (folder: string): string[] =>
  readdirSync(folder)
    .filter((name) => name.endsWith('.txt'))
    .sort()
    .map((name) => join(folder, name));

describe("etcd's data-driven suites", () => {
  if (!existsSync(ORACLES)) {
    test('the oracle is where it must be', () => {
      expect(process.env['ETCDSIM_REQUIRE_ORACLES'], `required, but there is no ${ORACLES}`).not.toBe('1');
    });
    console.warn(
      `SKIPPED: etcd's raft suites, because there is no ${ORACLES} (set ETCDSIM_ORACLES to a shared folder)`,
    );
    test.skip("etcd's raft suites", () => {});
    return;
  }
  const folders = ['interaction', 'confchange', 'quorum'].map((name) => join(ORACLES, name));
  test.each(folders)('%s has files', (folder) => expect(filesIn(folder).length).toBeGreaterThan(0));
  test.each(folders.flatMap(filesIn))('%s', (path) => expect(runFile(path)).toBe(''));
});

describe('our own transcripts', () => {
  test('there are at least ten', () => expect(filesIn(OWN).length).toBeGreaterThanOrEqual(10));
  test.each(filesIn(OWN))('%s', (path) => expect(runFile(path)).toBe(''));
});
