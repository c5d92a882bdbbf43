// A simulated member on real etcd's data: the revision, the hash of the keys, the leases and users of the real one.

import {mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync} from 'node:fs';
import {tmpdir} from 'node:os';
import {dirname, join} from 'node:path';
import {gunzipSync} from 'node:zlib';
import {afterEach, beforeEach, describe, expect, test, vi} from 'vitest';
import {InputError} from '../base/input-error.ts';
import {restoreSnapshot} from '../server-core/datadir/restore-snapshot.ts';
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

function putDataDir(release: (typeof REAL_RELEASES)[number], name: string): string {
  for (const [path, bytes] of REAL.dataDir(release, name)) put(path, bytes);
  return join(folder, name);
}

/** Directories of a, b, c, which share 127.0.0.1 and differ by their ports. */
function putLocalCluster(clusterToken: string): string[] {
  const ports = {a: 23801, b: 23802, c: 23803};
  const initialCluster = Object.entries(ports).map(([name, port]) => ({name, peerUrls: [`http://127.0.0.1:${port}`]}));
  return initialCluster.map(({name}) => {
    const dataDir = join(folder, clusterToken, name);
    const options = {release: '3.5.16', name, dataDir, clusterToken, initialCluster, walSegmentBytes: 100_000};
    const files = restoreSnapshot('a.db', REAL.snapshot('3.5.16'), options);
    for (const [path, bytes] of files) put(path.slice(folder.length + 1), bytes);
    return dataDir;
  });
}

interface Printed {
  readonly release: string;
  readonly members: readonly {readonly [field: string]: unknown}[];
}

function run(paths: readonly string[], given: Partial<ImportArguments> = {}): Printed {
  const out: string[] = [];
  const log = vi.spyOn(console, 'log').mockImplementation((line: string) => void out.push(line));
  try {
    const options = {seed: '1', json: true, ...given};
    expect(dataDirImportCommand(paths, options)).toBe(0);
    return JSON.parse(out.join('\n')) as Printed;
  } finally {
    log.mockRestore();
  }
}

describe.each(REAL_RELEASES)('%s', (release) => {
  const served = {revision: 36, compactRevision: 12, hashKv: REAL_FACTS[release].hashKv, keyCount: 9};

  test('a member starts on a data directory and serves what the real one served', () => {
    const {release: played, members} = run([putDataDir(release, 'd')]);
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

describe('members on one host', () => {
  const served = {revision: 36, compactRevision: 12, hashKv: REAL_FACTS['3.5.16'].hashKv, keyCount: 9};

  test('three start by their ports, keep their URLs, and start again on what they have written', () => {
    const out = join(folder, 'out');
    const first = run(putLocalCluster('t'), {out});
    expect(first.members.map(({member}) => member)).toEqual(['a', 'b', 'c']);
    for (const member of first.members) expect(member).toMatchObject(served);
    const again = run(['c', 'a', 'b'].map((name) => join(out, name)));
    expect(again.members.map(({member}) => member)).toEqual(['c', 'a', 'b']);
    for (const member of again.members) expect(member).toMatchObject(served);
    const {db} = again.members[0] as {db: {content: {members: {name: string; peerUrls: string[]}[]}}};
    const urls = db.content.members.map(({name, peerUrls}) => `${name} ${peerUrls.join()}`);
    expect(urls.sort()).toEqual(['a http://127.0.0.1:23801', 'b http://127.0.0.1:23802', 'c http://127.0.0.1:23803']);
  });

  test('a member publishes the client URLs that its database has', () => {
    const [member] = run([putDataDir('3.4.23', 'd')]).members;
    expect(member?.db).toMatchObject({content: {members: [{name: 'm1', clientUrls: ['http://127.0.0.1:24790']}]}});
  });

  test('two of three are a quorum, one is not', () => {
    const [a = '', b = ''] = putLocalCluster('t');
    for (const member of run([a, b]).members) expect(member).toMatchObject(served);
    expect(() => run([a])).toThrow(/^a: its cluster has 3 members; without (b, c|c, b) there is no quorum$/);
  });

  test('one member twice, and members of two clusters', () => {
    const [a = '', b = ''] = putLocalCluster('t');
    expect(() => run([a, b, a])).toThrow(new InputError(`${a}: is of member a, as ${a} is`));
    const [, other = ''] = putLocalCluster('u');
    expect(() => run([a, other])).toThrow(
      /^\S+\/u\/b: is of the cluster [0-9a-f]+, and \S+\/t\/a of the cluster [0-9a-f]+$/,
    );
  });
});

describe('refusals', () => {
  test('a release that there is not, or that is not played', () => {
    const path = putDataDir('3.5.16', 'd');
    expect(() => run([path], {release: 'x'})).toThrow(InputError);
    expect(() => run([path], {release: 'x'})).toThrow(/^--release: there is no etcd release 'x'; the nearest is \d/);
    expect(() => run([path], {release: '9.9.9'})).toThrow("--release: there is no etcd release '9.9.9'");
    expect(() => run([path], {release: '2.3.8'})).toThrow('--release: etcd 2.3.8 is a release, but');
    expect(run([path], {release: 'v3.5.17'}).release).toBe('3.5.17');
  });

  test.each([
    ['--members', {members: '1'}],
    ['--token', {token: 'etcd-cluster'}],
    ['--skip-hash-check', {skipHashCheck: true}],
  ])('%s is not for data directories', (option, given) => {
    const path = putDataDir('3.5.16', 'd');
    expect(() => run([path], given)).toThrow(
      new InputError(`${option}: is for a snapshot file; a data directory is a member of its own cluster`),
    );
  });

  test('an --out with something in it, whichever the folders of the members would be; nothing is written', () => {
    const out = join(folder, 'out');
    put('out/mine', new Uint8Array(1));
    const path = put('a.db', REAL.snapshot('3.5.16'));
    expect(() => run([path], {members: '3', out})).toThrow(new InputError(`${out}: is there and not an empty folder`));
    expect(readdirSync(out)).toEqual(['mine']);
    // It is looked at first: what cannot be imported does not matter then.
    expect(() => run([join(folder, 'none')], {out})).toThrow('is there and not an empty folder');
  });

  test('a database where a member keeps it is one like any other', () => {
    const path = join(putDataDir('3.5.16', 'd'), 'member/snap/db');
    expect(() => run([path])).toThrow('snapshot missing hash');
    const {members} = run([path], {skipHashCheck: true});
    expect(members[0]).toMatchObject({member: 'm1', revision: 36, hashKv: REAL_FACTS['3.5.16'].hashKv});
    const wal = join(folder, 'd/member/wal');
    expect(() => run([wal])).toThrow(`${wal}: neither a data directory nor a snapshot file of etcd`);
  });

  test('two snapshots, one beside a directory, a damaged file', () => {
    const path = put('a.db', REAL.snapshot('3.5.16'));
    expect(() => run([path, path])).toThrow('a snapshot file is imported alone');
    expect(() => run([putDataDir('3.5.16', 'd'), path])).toThrow(`${path}: a snapshot file is imported alone`);
    const bytes = REAL.snapshot('3.5.16');
    bytes[100] = (bytes[100] ?? 0) ^ 1;
    expect(() => run([put('b.db', bytes)])).toThrow(/b\.db: .*offset 24576: expected sha256/);
  });
});
