// data-dir inspect on a real disk: what is printed, the document of --json, and one line and exit code 2 for a damaged file.

import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest';
import {InputError} from '../base/input-error.ts';
import {realFiles, SEGMENT_NAME} from '../server-core/datadir/test-files.ts';
import {readDataFiles, writeDataFiles} from './data-dir-files.ts';
import {dataDirInspectCommand, humanSize} from './data-dir-inspect.ts';

const REAL = realFiles(
  (name) =>
    new Uint8Array(gunzipSync(readFileSync(new URL(`../server-core/datadir/testdata/${name}.gz`, import.meta.url)))),
);

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'etcdsim-datadir-'));
});
afterEach(() => {
  rmSync(folder, {recursive: true});
});

function put(name: string, bytes: Uint8Array): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), {recursive: true});
  writeFileSync(path, bytes);
  return path;
}

/** Runs the command; what it printed, and its exit code. */
function run(path: string, json = false): {code: number; out: string; err: string} {
  const out: string[] = [];
  const err: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void out.push(line));
  const error = vi.spyOn(console, 'error').mockImplementation((line: string) => void err.push(line));
  try {
    return {code: dataDirInspectCommand(path, {json}), out: out.join('\n'), err: err.join('\n')};
  } finally {
    log.mockRestore();
    error.mockRestore();
  }
}

describe('inspect', () => {
  test('a data directory: status, what the database holds, and every entry', () => {
    for (const [path, bytes] of REAL.dataDir('3.4.23', 'd')) put(path, bytes);
    const {code, out, err} = run(join(folder, 'd'));
    expect([code, err]).toEqual([0, '']);
    expect(out).toContain('777db66e        36          43       33 kB');
    expect(out).toContain(
      'nodeID=2bc21162cab8eb93 clusterID=7f017e38852508e3 term=2 commitIndex=62 vote=2bc21162cab8eb93',
    );
    expect(out).toContain('   2\t         4\tnorm\tmethod=PUT path="/0/version" val="3.4.0"');
    expect(out).toContain('auth: enabled, revision 7, 2 users, 1 roles');
    expect(out).toContain('Entry count is: 62');
  });

  test('a snapshot file and a folder of segments, as one document each', () => {
    const snapshot = run(put('a.db', REAL.snapshot('3.5.16')), true);
    expect(snapshot.code).toBe(0);
    const {kind, db} = JSON.parse(snapshot.out) as {kind: string; db: Record<string, unknown>};
    expect(kind).toBe('snapshot');
    expect(db).toMatchObject({hash: 1248066225, revision: 36, totalKey: 45, totalSize: 24576, consistentIndex: 56});
    put(`w/${SEGMENT_NAME}`, REAL.segment('3.5.16'));
    const {wal} = JSON.parse(run(join(folder, 'w'), true).out) as {wal: {entries: Record<string, unknown>[]}};
    expect(wal.entries).toHaveLength(63);
    expect(wal.entries[36]).toMatchObject({
      term: 2,
      index: 37,
      type: 'norm',
      request: 'lease-grant',
      isReplaced: false,
    });
  });

  test('damage is one line with file, offset and reason, and exit code 2', () => {
    const bytes = REAL.snapshot('3.5.16');
    bytes[5_000] = (bytes[5_000] ?? 0) ^ 1;
    const path = put('a.db', bytes);
    const {code, err} = run(path);
    expect(code).toBe(2);
    expect(err).toMatch(/^etcdsim: \S+a\.db: offset 24576: expected sha256 [0-9a-f]{64}, got [0-9a-f]{64}$/);
    const segment = REAL.segment('3.4.23');
    put(`w/${SEGMENT_NAME}`, segment.slice(0, 3_020));
    const torn = run(join(folder, 'w'));
    expect(torn.code).toBe(2);
    expect(torn.err).toMatch(/\.wal: offset \d+: a record of \d+ bytes runs past the end of the file; etcd cuts/);
    expect(torn.out).toContain('lastIndex=');
  });

  test('a part of a data directory is what it is, not a directory with missing files', () => {
    for (const [path, bytes] of REAL.dataDir('3.5.16', 'm0')) put(path, bytes);
    const snapName = '0000000000000001-0000000000000003.snap';
    put(`lone/${snapName}`, REAL.restored('3.5.16').snap);
    for (const [place, text, content] of [
      ['m0/member', 'data directory', 'Entry count is: 63'],
      ['m0/member/', 'data directory', 'hashKV 31048764 at revision 36'],
      ['m0/./member/wal', 'WAL', 'Entry count is: 63'],
      [`m0/member/wal/${SEGMENT_NAME}`, 'WAL', 'Entry count is: 63'],
      ['m0/member/snap/db', 'database', 'hashKV 31048764 at revision 36'],
      [`lone/${snapName}`, "raft's snapshot (.snap)", 'term=1 index=3 nodes=['],
    ] as const) {
      const path = `${folder}/${place}`;
      const {code, out, err} = run(path);
      expect([code, err], place).toEqual([0, '']);
      expect(out.split('\n')[0]).toBe(`${path}: ${text}`);
      expect(out).toContain(content);
    }
  });

  test('what is nothing of etcd, or not there', () => {
    put('x/a', new Uint8Array(10));
    put('x/b', new Uint8Array(10));
    expect(() => run(join(folder, 'x'))).toThrow('neither a data directory of etcd');
    expect(() => run(join(folder, 'none'))).toThrow('there is no such file or folder');
    expect(run(put('empty', new Uint8Array(0))).err).toMatch(/empty: offset 0: the file is empty$/);
  });
});

test('files are written below an empty folder only, and read back', () => {
  const files = REAL.dataDir('3.3.25', '');
  const target = join(folder, 'new');
  writeDataFiles(target, files);
  const {files: back} = readDataFiles(target);
  expect([...back.keys()].sort()).toEqual([...files.keys()].map((path) => join(target, path)).sort());
  for (const [path, bytes] of files) expect(new Uint8Array(readFileSync(join(target, path)))).toEqual(bytes);
  expect(readdirSync(join(target, 'member')).sort()).toEqual(['snap', 'wal']);
  expect(() => writeDataFiles(target, files)).toThrow(InputError);
});

test.each([
  [0, '0 B'],
  [9, '9 B'],
  [82, '82 B'],
  [1_000, '1.0 kB'],
  [24_576, '25 kB'],
  [9_949, '9.9 kB'],
  [9_950, '10 kB'],
  [16_801_792, '17 MB'],
])('%i bytes are %s, as go-humanize has it', (size, text) => {
  expect(humanSize(size)).toBe(text);
});
