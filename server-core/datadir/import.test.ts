// What a restore makes is what etcd's own tool makes, byte for byte where it can be; what is imported is what stands there.
import {readFileSync} from 'node:fs';
import {gunzipSync} from 'node:zlib';
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {formatId} from '../../base/ids.ts';
import {BackendError} from '../backend/backend-error.ts';
import {decodeSnapFile} from '../snap/snapshotter.ts';
import {dbStatus, readDb} from './db-file.ts';
import {ImportError, importDataDir} from './import-dir.ts';
import {inspectFiles} from './inspect.ts';
import {describeEntry} from './request-text.ts';
import type {RestoreOptions} from './restore-snapshot.ts';
import {restoreSnapshot} from './restore-snapshot.ts';
import type {RealRelease} from './test-files.ts';
import {REAL_FACTS, REAL_RELEASES, realFiles, SEGMENT_NAME} from './test-files.ts';
import {dumpWal} from './wal-dump.ts';

const REAL = realFiles(
  (name) => new Uint8Array(gunzipSync(readFileSync(new URL(`./testdata/${name}.gz`, import.meta.url)))),
);

const optionsOf = (release: string): RestoreOptions => ({
  release,
  name: 'm2',
  dataDir: '/etcd',
  clusterToken: 'tkn',
  initialCluster: [1, 2, 3].map((n) => ({name: `m${n}`, peerUrls: [`http://127.0.0.${n}:2380`]})),
});
const restored = (release: RealRelease) => restoreSnapshot('a.db', REAL.snapshot(release), optionsOf(release));

/** What stands in a segment. */
function told(segment: Uint8Array) {
  const {entries, hardState, snapshots, metadata} = dumpWal(new Map([[SEGMENT_NAME, segment]]));
  return {entries: entries.map(({entry}) => [entry.term, describeEntry(entry).text]), hardState, snapshots, metadata};
}

describe.each(REAL_RELEASES)('%s', (release) => {
  // 3.7 leaves fields out that are zero and were not set; they are read the same.
  const writesZeros = release !== '3.7.0';

  test('a restore makes the WAL and the snapshot of `etcdctl snapshot restore`, and the same database', () => {
    const files = restored(release);
    const wal = `/etcd/member/wal/${SEGMENT_NAME}`;
    const snap = '/etcd/member/snap/0000000000000001-0000000000000003.snap';
    expect([...files.keys()]).toEqual([snap, '/etcd/member/snap/db', wal]);
    const real = REAL.restored(release);
    const [ours, theirs] = [files.get(snap) ?? new Uint8Array(0), real.snap];
    expect(decodeSnapFile(ours, 'ours').metadata).toEqual(decodeSnapFile(theirs, 'theirs').metadata);
    // 3.6 and 3.7 go over a Go map: which member comes first in the v2 store is chance there.
    if (REAL_FACTS[release].publishesByV2) expect(ours).toEqual(theirs);
    else if (writesZeros) expect(ours.length).toBe(theirs.length);
    const whole = files.get(wal) ?? new Uint8Array(0);
    expect(told(whole)).toEqual(told(real.wal));
    if (writesZeros) expect(whole.subarray(0, real.wal.length)).toEqual(real.wal);
    expect(files.get(wal)?.length).toBe(64_000_000);
    const statusOf = (bytes: Uint8Array) => {
      const {hash, revision, totalKey} = dbStatus('db', bytes, readDb('db', bytes));
      return {hash, revision, totalKey};
    };
    expect(statusOf(files.get('/etcd/member/snap/db') ?? new Uint8Array(0))).toEqual(statusOf(real.db));
  });

  test('a restored directory is sound and is imported as the member it was made for', () => {
    const imported = importDataDir(new Map([['/x/a.db', REAL.snapshot(release)]]), '/x/a.db', optionsOf(release));
    expect(imported.self).toMatchObject({name: 'm2', peerUrls: ['http://127.0.0.2:2380'], isLearner: false});
    expect(imported.members.map(({name}) => name).sort()).toEqual(['m1', 'm2', 'm3']);
    expect(imported.revision).toBe(36);
    expect(imported.minor).toBe(release.slice(0, 3));
    expect(inspectFiles(imported.files, 'data-dir', '/etcd').damages).toEqual([]);
  });

  test('a data directory is taken as it is', () => {
    const files = REAL.dataDir(release, '/var/lib/etcd');
    const imported = importDataDir(files, '/var/lib/etcd', optionsOf(release));
    expect(imported.clusterId).toBe(REAL_FACTS[release].clusterId);
    expect([...imported.files.keys()].sort()).toEqual(['/etcd/member/snap/db', `/etcd/member/wal/${SEGMENT_NAME}`]);
    expect(formatId(imported.self.id)).toBe(REAL_FACTS[release].memberId);
    expect(imported.self).toMatchObject({
      name: 'm1',
      peerUrls: [REAL_FACTS[release].peerUrl],
    });
    expect(imported.files.get('/etcd/member/snap/db')).toEqual(files.get('/var/lib/etcd/member/snap/db'));
  });
});

test('a directory that lies below one named like its parts, and its member/ alone, are taken the same', () => {
  const root = '/old/member/snap/m0/member/wal';
  const plain = importDataDir(REAL.dataDir('3.5.16'), '/etcd', optionsOf('3.5.16'));
  const deep = REAL.dataDir('3.5.16', root);
  for (const named of [root, `${root}/`, `${root}/member`]) {
    expect(importDataDir(deep, named, optionsOf('3.5.16'))).toEqual(plain);
  }
});

test('a member keeps the client URLs that it published', () => {
  const {self} = importDataDir(REAL.dataDir('3.4.23'), '/etcd', optionsOf('3.4.23'));
  expect(self.clientUrls).toEqual(['http://127.0.0.1:24790']);
});

test('the configuration of 3.3 has no word of joint consensus, and is read back the same', () => {
  const path = '/etcd/member/snap/0000000000000001-0000000000000003.snap';
  const [old, young] = (['3.3.25', '3.4.23'] as const).map(
    (release) => restored(release).get(path) ?? new Uint8Array(0),
  );
  expect(decodeSnapFile(old ?? new Uint8Array(0), 'a')).toEqual(decodeSnapFile(young ?? new Uint8Array(0), 'a'));
  expect((young?.length ?? 0) - (old?.length ?? 0)).toBe(2);
});

describe('refusals', () => {
  test('a WAL alone, a missing database and a damaged one', () => {
    const take = (files: Map<string, Uint8Array>) => () => importDataDir(files, '/etcd', optionsOf('3.5.16'));
    expect(take(new Map([[`/w/${SEGMENT_NAME}`, REAL.segment('3.5.16')]]))).toThrow('neither a data directory nor');
    const whole = REAL.dataDir('3.5.16');
    const without = new Map([...whole].filter(([path]) => path.endsWith('.wal')));
    expect(take(without)).toThrow('member/snap/db: offset 0: there is no such file');
    const bytes = (whole.get('/etcd/member/snap/db') ?? new Uint8Array(0)).slice();
    bytes.fill(0xff, 0, 8_192);
    expect(take(new Map([...whole, ['/etcd/member/snap/db', bytes]]))).toThrow(ImportError);
  });

  test('a torn end is left to the member, damage in the middle is not', () => {
    const whole = REAL.dataDir('3.5.16');
    const path = `/etcd/member/wal/${SEGMENT_NAME}`;
    const segment = whole.get(path) ?? new Uint8Array(0);
    const torn = importDataDir(new Map([...whole, [path, segment.slice(0, 3_004)]]), '/etcd', optionsOf('3.5.16'));
    expect(torn.files.get(path)?.length).toBe(3_004);
    const flipped = segment.slice();
    flipped[2_000] = (flipped[2_000] ?? 0) ^ 0x40;
    expect(() => importDataDir(new Map([...whole, [path, flipped]]), '/etcd', optionsOf('3.5.16'))).toThrow(
      /\.wal: offset \d+: /,
    );
  });

  test('a database without a checksum needs to be told so; a wrong checksum is named', () => {
    const db = REAL.snapshot('3.5.16').slice(0, -32);
    expect(() => restoreSnapshot('a.db', db, optionsOf('3.5.16'))).toThrow('snapshot missing hash');
    const files = restoreSnapshot('a.db', db, {...optionsOf('3.5.16'), skipHashCheck: true});
    expect(files.size).toBe(3);
    fc.assert(
      fc.property(fc.nat(db.length + 31), fc.integer({min: 1, max: 255}), (at, mask) => {
        const bytes = REAL.snapshot('3.5.16');
        bytes[at] = (bytes[at] ?? 0) ^ mask;
        expect(() => restoreSnapshot('a.db', bytes, optionsOf('3.5.16'))).toThrow(BackendError);
      }),
      {numRuns: 50},
    );
  });
});
