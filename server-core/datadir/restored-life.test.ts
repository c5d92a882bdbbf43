// Members that begin on what a restore has made: a cluster of three, and revisions that were raised. Hashes and revisions of the raised
// one are those that a real 3.5.16 told of the directory that its own tool had made of the same snapshot.
import {readFileSync} from 'node:fs';
import {gunzipSync} from 'node:zlib';
import {expect, test} from 'vitest';
import {InputError} from '../../base/input-error.ts';
import {rangeRequest} from '../etcdserverpb/types.ts';
import {askPeer} from '../rafthttp/peer-http.ts';
import type {MemberOptions} from '../server/test-lab.ts';
import {Lab, three} from '../server/test-lab.ts';
import type {RestoreOptions} from './restore-snapshot.ts';
import {restoreSnapshot} from './restore-snapshot.ts';
import {REAL_RELEASES, realFiles} from './test-files.ts';

const REAL = realFiles(
  (name) => new Uint8Array(gunzipSync(readFileSync(new URL(`./testdata/${name}.gz`, import.meta.url)))),
);

/** Each member's machine holds what a restore of the snapshot has made for it. */
function restoredLab(
  members: readonly MemberOptions[],
  release: (typeof REAL_RELEASES)[number],
  more: Partial<RestoreOptions> = {},
): Lab {
  const lab = new Lab(members);
  const initialCluster = members.map(({name, peerUrl}) => ({name, peerUrls: [peerUrl]}));
  for (const {name} of members) {
    const options = {
      release,
      name,
      dataDir: '/etcd',
      clusterToken: 'etcd-cluster',
      initialCluster,
      walSegmentBytes: 1_000_000,
      ...more,
    };
    for (const [path, bytes] of restoreSnapshot('a.db', REAL.snapshot(release), options)) {
      lab.world.machine(name).disk.importFile(path, bytes);
    }
  }
  return lab;
}

test.each(REAL_RELEASES)('%s: three members begin as one new cluster with the old keys', (release) => {
  const lab = restoredLab(three, release);
  for (const {name} of three) lab.start(name, release);
  lab.pass(8);
  expect(lab.deaths).toEqual([]);
  const bodies = three.map(({name}) => lab.server(name).clusterApi.membersBody());
  expect(new Set(bodies).size).toBe(1);
  expect(bodies[0]?.match(/"clientURLs"/g)).toHaveLength(3);
  const digests = three.map(({name}) => lab.server(name).applier.store.stateDigest());
  expect(new Set(digests).size).toBe(1);
  expect(lab.server('m1').applier.store.currentRevision).toBe(36);
});

test('3.5.16: a revision that was raised', () => {
  const [m1] = three;
  const lab = restoredLab(m1 === undefined ? [] : [m1], '3.5.16', {bumpRevision: 1_000, markCompacted: true});
  lab.start('m1', '3.5.16');
  lab.pass(5);
  const {applier, corruption} = lab.server('m1');
  const ask = (body: string) => {
    const request = {path: '/members/hashkv', body: new TextEncoder().encode(body)};
    const reply = lab.run(() => askPeer(corruption.host.env, 'm1:2380', request, 1e6));
    return new TextDecoder().decode(reply?.body);
  };
  expect(ask('{}')).toBe('{"header":{"revision":1036},"hash":1378973713,"compact_revision":1036}');
  expect(ask('{"revision":1012}')).toBe('mvcc: required revision has been compacted\n');
  expect(applier.range({...rangeRequest('a'), revision: 1_000})).toMatchObject({
    message: 'etcdserver: mvcc: required revision has been compacted',
  });
  // The empty record that raises it is no key that anybody can ask for.
  const all = applier.range(rangeRequest('\0', {rangeEnd: '\0', countOnly: true}));
  const plain = restoredLab(m1 === undefined ? [] : [m1], '3.5.16');
  plain.start('m1', '3.5.16');
  plain.pass(5);
  expect(plain.server('m1').applier.range(rangeRequest('\0', {rangeEnd: '\0', countOnly: true}))).toMatchObject({
    response: {count: all.kind === 'ok' ? all.response.count : -1},
  });
});

test('the flags belong together, and to the releases that have them', () => {
  const restore = (release: (typeof REAL_RELEASES)[number], more: Partial<RestoreOptions>) => () =>
    restoredLab(three, release, more);
  expect(restore('3.5.16', {bumpRevision: 3})).toThrow(
    new InputError('--mark-compacted required if --revision-bump > 0'),
  );
  expect(restore('3.5.16', {markCompacted: true})).toThrow('--mark-compacted required if --revision-bump > 0');
  expect(restore('3.4.23', {bumpRevision: 3, markCompacted: true})).toThrow('unknown flag: --bump-revision');
  expect(restore('3.5.16', {bumpRevision: 3, markCompacted: true})).not.toThrow();
});
