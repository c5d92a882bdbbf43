// What is told of files that real etcd wrote is what etcd's own tools say of them; damage is named by file, offset and reason.
import {readFileSync} from 'node:fs';
import {gunzipSync} from 'node:zlib';
import * as fc from 'fast-check';
import {describe, expect, test} from 'vitest';
import {inspectFiles, kindOf} from './inspect.ts';
import type {DataFiles} from './memory-disk.ts';
import {describeEntry} from './request-text.ts';
import type {RealRelease} from './test-files.ts';
import {REAL_FACTS, REAL_RELEASES, realFiles, SEGMENT_NAME} from './test-files.ts';

const REAL = realFiles(
  (name) => new Uint8Array(gunzipSync(readFileSync(new URL(`./testdata/${name}.gz`, import.meta.url)))),
);

/** `etcdctl snapshot status -w json` (3.6: etcdutl) of the same release, of the same file. */
const STATUS: Readonly<Record<RealRelease, object>> = {
  '3.3.25': {hash: 965475481, revision: 36, totalKey: 43, totalSize: 24576, version: ''},
  '3.4.23': {hash: 2004727406, revision: 36, totalKey: 43, totalSize: 32768, version: ''},
  '3.5.16': {hash: 1248066225, revision: 36, totalKey: 45, totalSize: 24576, version: ''},
  '3.6.0': {hash: 422794929, revision: 36, totalKey: 9, totalSize: 28672, version: '3.6.0'},
  '3.7.0': {hash: 1556032901, revision: 36, totalKey: 9, totalSize: 28672, version: '3.7.0'},
};

const inspect = (files: DataFiles, root = '/etcd') => {
  const kind = kindOf(files, root);
  if (kind === undefined) throw new Error('files of no kind');
  return inspectFiles(files, kind, root);
};
const snapshotOf = (release: RealRelease, name = 'a.db') => new Map([[name, REAL.snapshot(release)]]);

describe.each(REAL_RELEASES)('%s', (release) => {
  const {memberId: id, clusterId, hashKv, publishesByV2} = REAL_FACTS[release];
  const isNew = release !== '3.3.25' && release !== '3.4.23';
  test('a snapshot file has the status that etcdctl prints', () => {
    const {kind, db, damages} = inspect(snapshotOf(release));
    expect(kind).toBe('snapshot');
    expect(damages).toEqual([]);
    expect(db?.status).toEqual(STATUS[release]);
    expect(db?.hash).toEqual({hashKv, hashRevision: 36, compactRevision: 12, keyCount: 9});
  });

  test('the database tells index, leases, members and auth', () => {
    const content = inspect(REAL.dataDir(release)).db?.content;
    expect(content).toMatchObject({
      consistentIndex: isNew ? 56 : 53,
      term: isNew ? 2 : 0,
      confState: isNew ? `{"voters":[${BigInt(`0x${id}`)}],"auto_leave":false}` : undefined,
      scheduledCompactRevision: 12,
      finishedCompactRevision: 12,
      clusterVersion: `${release.slice(0, 3)}.0`,
      alarms: [],
      auth: {enabled: true, revision: 7, users: ['alice', 'root'], roles: ['reader']},
    });
    expect(content?.members).toHaveLength(1);
    expect(content?.members[0]).toMatchObject({id, name: 'm1', isLearner: false});
    expect(content?.leases.map(({ttl}) => ttl)).toEqual([3600, 100]);
  });

  test('every entry of the WAL is read', () => {
    const {kind, wal, damages} = inspect(new Map([[`/x/${SEGMENT_NAME}`, REAL.segment(release)]]));
    expect(kind).toBe('wal');
    expect(damages).toEqual([]);
    expect(wal?.metadata).toEqual({
      nodeId: id,
      clusterId,
    });
    const told = (wal?.entries ?? []).map(({entry}) => describeEntry(entry));
    expect(told.map(({request}) => request)).not.toContain('unknown');
    expect(told.map(({request}) => request)).not.toContain('none');
    expect(wal?.entries.at(-1)?.entry.index).toBe(wal?.hardState.commit);
    const published = publishesByV2 ? ['v2', 'v2'] : ['cluster-member-attr-set', 'cluster-version-set'];
    expect(told.slice(0, 4).map(({request}) => request)).toEqual(['ConfChangeAddNode', 'noop', ...published]);
    const version = `${release.slice(0, 3)}.0`;
    expect(told[3]?.text.replace(/^header:<.*?> /, '')).toBe(
      publishesByV2 ? `method=PUT path="/0/version" val="${version}"` : `cluster_version_set:<ver:"${version}" >`,
    );
    const kinds = new Set(told.map(({request}) => request));
    for (const kind of ['put', 'delete-range', 'txn', 'compaction', 'lease-grant', 'lease-revoke', 'auth-enable'])
      expect(kinds).toContain(kind);
    const txn = told.find(({request}) => request === 'txn')?.text ?? '';
    expect(txn.replace(/^header:<.*?> /, '')).toBe(
      'txn:<compare:<result:GREATER target:MOD key:"k1" mod_revision:0 > success:<request_put:<key:"k1" value:"txn" > > ' +
        'success:<request_range:<key:"k2" > > failure:<request_delete_range:<key:"k4" > > >',
    );
  });
});

describe('a part of a data directory, named by itself', () => {
  const snapName = '0000000000000001-0000000000000003.snap';
  const {snap} = REAL.restored('3.5.16');
  const parts = [
    ['snap/db', 'db', REAL.snapshot('3.5.16').slice(0, -32)],
    [`wal/${SEGMENT_NAME}`, 'wal', REAL.segment('3.5.16')],
    [`snap/${snapName}`, 'snap', snap],
  ] as const;

  const named = parts.flatMap(([place, ...rest]) =>
    ['member', '/d/member'].map((folder) => [`${folder}/${place}`, ...rest] as const),
  );

  test.each(named)('%s is read as what it is', (path, kind, bytes) => {
    const {kind: found, db, wal, snapshots, damages, otherFiles} = inspect(new Map([[path, bytes]]), path);
    expect(found).toBe(kind);
    expect(damages).toEqual([]);
    expect(otherFiles).toEqual([]);
    expect(db?.status.revision).toBe(kind === 'db' ? 36 : undefined);
    expect(wal?.entries.length).toBe(kind === 'wal' ? 63 : undefined);
    expect(snapshots.map(({snapshot}) => snapshot.metadata.index)).toEqual(kind === 'snap' ? [3] : []);
  });

  test('its WAL directory and its member/ directory', () => {
    const segment = new Map([[`/d/member/wal/${SEGMENT_NAME}`, REAL.segment('3.5.16')]]);
    expect(inspect(segment, '/d/member/wal')).toMatchObject({kind: 'wal', damages: []});
    const {damages} = inspect(segment, '/d');
    expect(damages).toEqual([{file: 'member/snap/db', offset: 0, reason: 'there is no such file'}]);
    const member = inspect(REAL.dataDir('3.5.16', '/d'), '/d/member');
    expect(member).toMatchObject({kind: 'data-dir', damages: [], db: {file: '/d/member/snap/db'}});
    expect(inspect(REAL.dataDir('3.5.16', 'd'), 'd/member/').db?.status.revision).toBe(36);
  });

  test('a .snap anywhere, damaged or not; and a saved database that is called .snap', () => {
    const kind = (name: string, bytes: Uint8Array) => kindOf(new Map([[name, bytes]]), name);
    expect(kind('x.snap', snap)).toBe('snap');
    expect(kind(snapName, new Uint8Array(100))).toBe('snap');
    expect(kind('x.snap', REAL.snapshot('3.5.16'))).toBe('snapshot');
    expect(inspect(snapshotOf('3.5.16', 'x.snap'), 'x.snap')).toMatchObject({
      damages: [],
      snapshots: [],
      otherFiles: [],
    });
    const flipped = snap.slice();
    flipped[200] = (flipped[200] ?? 0) ^ 1;
    const {damages} = inspect(new Map([['x.snap', flipped]]), 'x.snap');
    expect(damages).toHaveLength(1);
    // A varint of five bytes and one of two, with their tags, lie before what the checksum is of.
    expect(damages[0]).toMatchObject({
      file: 'x.snap',
      offset: 9,
      reason: expect.stringMatching(/^the checksum of .* differs/),
    });
  });
});

describe('damage', () => {
  test('a snapshot file with any byte changed, or cut anywhere, is refused', () => {
    const whole = REAL.snapshot('3.5.16');
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.integer({min: 1, max: 255}), fc.boolean(), (at, mask, isCut) => {
        const bytes = isCut ? whole.slice(0, at) : whole.slice();
        if (!isCut) bytes[at] = (bytes[at] ?? 0) ^ mask;
        const {damages} = inspect(new Map([['a.db', bytes]]));
        if (bytes.length === whole.length - 32) return; // a whole database without a checksum
        expect(damages).toHaveLength(1);
        expect(damages[0]).toMatchObject({
          file: 'a.db',
          offset: expect.any(Number),
          reason: expect.stringMatching(/.+/),
        });
      }),
      {numRuns: 150},
    );
  });

  test('whatever is done to a data directory, it is read to the end, and what is damaged is named', () => {
    const whole = REAL.dataDir('3.4.23');
    const clean = inspect(whole);
    const paths = [...whole.keys()];
    fc.assert(
      fc.property(fc.nat(1), fc.nat(), fc.uint8Array({minLength: 1, maxLength: 40}), (which, where, noise) => {
        const path = paths[which] ?? '';
        const bytes = (whole.get(path) ?? new Uint8Array(0)).slice();
        const at = where % bytes.length;
        bytes.set(noise.subarray(0, bytes.length - at), at);
        const {damages, db, wal} = inspect(new Map([...whole, [path, bytes]]));
        for (const {file, offset} of damages) {
          expect(file).toBe(path);
          expect(offset).toBeGreaterThanOrEqual(0);
          expect(offset).toBeLessThanOrEqual(bytes.length);
        }
        // The other file is read as ever.
        if (path.endsWith('.wal')) expect(db).toEqual(clean.db);
        else expect(wal).toEqual(clean.wal);
      }),
      {numRuns: 300},
    );
  });

  test('a cut segment names the offset where etcd would cut it off', () => {
    const segment = REAL.segment('3.5.16');
    const clean = inspect(new Map([[SEGMENT_NAME, segment]])).wal;
    const last = clean?.entries[40];
    const cut = (last?.place.offset ?? 0) + 20;
    const {wal, damages} = inspect(new Map([[SEGMENT_NAME, segment.slice(0, cut)]]));
    expect(damages).toHaveLength(1);
    expect(damages[0]?.offset).toBe(last?.place.offset);
    expect(damages[0]?.reason).toMatch(/^a record of \d+ bytes runs past the end of the file; etcd cuts/);
    expect(wal?.entries).toHaveLength(40);
  });

  test('a missing segment, a missing database and files of nobody', () => {
    const segment = REAL.segment('3.4.23');
    const missing = new Map([
      [`member/wal/${SEGMENT_NAME}`, segment],
      ['member/wal/0000000000000002-0000000000000040.wal', segment],
      ['member/wal/0.tmp', new Uint8Array(8)],
    ]);
    const {damages, otherFiles, db} = inspect(missing, '');
    expect(db).toBeUndefined();
    expect(otherFiles).toEqual(['member/wal/0.tmp']);
    expect(damages.map(({file, reason}) => `${file}: ${reason}`)).toEqual([
      'member/wal/0000000000000002-0000000000000040.wal: the segment before it is missing: number 1 should come here',
      'member/snap/db: there is no such file',
    ]);
    expect(
      kindOf(
        new Map([
          ['a/x', segment],
          ['a/y', segment],
        ]),
        'a',
      ),
    ).toBeUndefined();
  });
});
