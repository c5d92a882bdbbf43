// A simulated member on real etcd's data: the revision, the hash of the keys, the leases and users of the real one.

import {mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest';
import {REAL_FACTS, REAL_RELEASES, realFiles} from '../server-core/datadir/test-files.ts';
import type {ImportArguments} from './data-dir-import.ts';
import {dataDirImportCommand} from './data-dir-import.ts';

const REAL = realFiles(
  (name) =>
    new Uint8Array(gunzipSync(readFileSync(new URL(`../server-core/datadir/testdata/${name}.gz`, import.meta.url)))),
);

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'etcdsim-import-'));
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

interface Printed {
  readonly release: string;
  readonly members: readonly {readonly [field: string]: unknown}[];
}

function run(paths: readonly string[], given: Partial<ImportArguments> = {}): Printed {
  const out: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void out.push(line));
  try {
    const options = {members: '1', token: 'etcd-cluster', seed: '1', json: true, ...given};
    expect(dataDirImportCommand(paths, options)).toBe(0);
    return JSON.parse(out.join('\n')) as Printed;
  } finally {
    log.mockRestore();
  }
}

describe.each(REAL_RELEASES)('%s', (release) => {
  const served = {revision: 36, compactRevision: 12, hashKv: REAL_FACTS[release].hashKv, keyCount: 9};

  test('a member starts on a data directory and serves what the real one served', () => {
    for (const [path, bytes] of REAL.dataDir(release, 'd')) put(path, bytes);
    const {release: played, members} = run([join(folder, 'd')]);
    expect(played).toBe(release);
    expect(members).toHaveLength(1);
    expect(members[0]).toMatchObject({member: 'm1', ...served});
    expect(members[0]?.db).toMatchObject({
      content: {auth: {enabled: true, users: ['alice', 'root'], roles: ['reader']}, leases: [{ttl: 3600}, {ttl: 100}]},
    });
  });

  test('three members start on a snapshot file', () => {
    const {members} = run([put('a.db', REAL.snapshot(release))], {members: '3'});
    expect(members.map(({member}) => member)).toEqual(['m1', 'm2', 'm3']);
    for (const member of members) expect(member).toMatchObject(served);
  });
});

describe('refusals', () => {
  test('two snapshots, a foreign release number, a damaged file', () => {
    const path = put('a.db', REAL.snapshot('3.5.16'));
    expect(() => run([path, path])).toThrow('a snapshot file is imported alone');
    const bytes = REAL.snapshot('3.5.16');
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    expect(() => run([put('b.db', bytes)])).toThrow(/b\.db: .*offset 24576: expected sha256/);
  });
});
