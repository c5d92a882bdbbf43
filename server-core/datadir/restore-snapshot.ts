// server-core/datadir/restore-snapshot.ts: a fresh data directory from a snapshot file, as `etcdutl snapshot restore` makes it: a new WAL
// whose first entries add the members of a new cluster, a raft snapshot behind them, and the database with its keys and revisions.
// Source: etcdutl/snapshot/v3_snapshot.go (3.5, 3.6), clientv3/snapshot/v3_snapshot.go (3.4), etcdctl/ctlv3 (3.3).
// Not modelled: learners (the tool knows none either).
import {assert, must} from '../../base/assert.ts';
import {toBytes} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import {InputError} from '../../base/input-error.ts';
import {WireWriter} from '../../base/wire.ts';
import type {Disk} from '../../env/disk.ts';
import type {Fiber} from '../../env/fiber.ts';
import {BackendError} from '../backend/backend-error.ts';
import type {BoltFile} from '../backend/bolt/bolt-file.ts';
import {BOLT_DEFAULTS} from '../backend/bolt/bolt-file.ts';
import {openBolt} from '../backend/bolt/open.ts';
import {clusterIdOf, memberIdOf} from '../membership/identity.ts';
import type {Member} from '../membership/member.ts';
import {encodeMember} from '../membership/member.ts';
import {newServerV2Store, saveV2Member, v2StoreOfMembership} from '../membership/v2-members.ts';
import {mainOf, revisionKey} from '../mvcc/revision.ts';
import {encodeConfChange} from '../raftpb/conf-change-codec.ts';
import type {Entry} from '../raftpb/types.ts';
import {makeConfState, NO_REQUEST} from '../raftpb/types.ts';
import {Snapshotter} from '../snap/snapshotter.ts';
import {saveV2Store} from '../v2store/save.ts';
import {walBehaviours} from '../wal/behaviours.ts';
import {Wal} from '../wal/wal.ts';
import type {RestoreBehaviours} from './behaviours.ts';
import {restoreBehaviours} from './behaviours.ts';
import {shortId} from './db-content.ts';
import {hasTrailer, readDb, withoutTrailer} from './db-file.ts';
import {runImmediately} from './immediate.ts';
import {MemoryDisk} from './memory-disk.ts';

export interface RestoreOptions {
  /** Whose tool and whose member: `3.5.16`. */
  readonly release: string;
  /** Name of the member that the directory is for; one of the initial cluster. */
  readonly name: string;
  readonly initialCluster: readonly {readonly name: string; readonly peerUrls: readonly string[]}[];
  readonly clusterToken: string;
  /** Where the directory lies: `/etcd`. */
  readonly dataDir: string;
  /** --skip-hash-check: needed for a database that has no checksum behind it. */
  readonly skipHashCheck?: boolean;
  readonly walSegmentBytes?: number;
  /** --bump-revision, with --mark-compacted: the revision goes up by so much, and all before the new one counts as compacted. */
  readonly bumpRevision?: number;
  readonly markCompacted?: boolean;
}

const WAL_SEGMENT_BYTES = 64_000_000;
const RESTORED_TERM = 1;

/** The files of the new directory, by absolute path. Throws BackendError for a snapshot that cannot be used. */
export function restoreSnapshot(file: string, bytes: Uint8Array, options: RestoreOptions): Map<string, Uint8Array> {
  const {release, dataDir, initialCluster, clusterToken} = options;
  const behaviours = restoreBehaviours(release);
  const bump = revisionBump(options, behaviours);
  const db = databaseOf(file, bytes, options.skipHashCheck === true);
  readDb(file, db); // a refusal names the file as it was given
  const members = initialCluster
    .map(({name, peerUrls}): Member => {
      const urls = [...peerUrls].sort();
      return {id: memberIdOf(urls, clusterToken), peerUrls: urls, isLearner: false, name, clientUrls: []};
    })
    .sort((a, b) => (a.id < b.id ? -1 : 1));
  const dbPath = `${dataDir}/member/snap/db`;
  const disk = new MemoryDisk(new Map([[dbPath, db.slice()]]));
  runImmediately(disk, function* (env) {
    yield* editDb(disk, dbPath, members, behaviours, bump);
    yield* writeRaftFiles(env, members, behaviours, options);
  });
  return disk.files();
}

/** By how much the revision is raised; 0: not at all. Throws InputError. */
function revisionBump({bumpRevision = 0, markCompacted = false}: RestoreOptions, {bumps}: RestoreBehaviours): number {
  if (!bumps && bumpRevision > 0) throw new InputError('unknown flag: --bump-revision');
  if (!bumps && markCompacted) throw new InputError('unknown flag: --mark-compacted');
  if (bumpRevision > 0 !== markCompacted) throw new InputError('--mark-compacted required if --revision-bump > 0');
  return bumpRevision;
}

function databaseOf(file: string, bytes: Uint8Array, skipsHashCheck: boolean): Uint8Array {
  if (!hasTrailer(bytes.length)) {
    if (skipsHashCheck) return bytes;
    const reason = 'snapshot missing hash: a database taken from a data directory needs --skip-hash-check';
    throw new BackendError('corrupt', file, reason, {offset: bytes.length});
  }
  return skipsHashCheck ? bytes.subarray(0, bytes.length - (bytes.length % 512)) : withoutTrailer(file, bytes);
}

/** saveDB, updateCIndex. */
function* editDb(
  disk: Disk,
  path: string,
  members: readonly Member[],
  behaviours: RestoreBehaviours,
  bump: number,
): Fiber<void> {
  const {membershipBuckets, storesTerm, freelistSync} = behaviours;
  const db = yield* openBolt(yield* disk.open(path), {...BOLT_DEFAULTS, freelistSync});
  if (membershipBuckets === 'replaced') {
    empty(db, 'members');
    empty(db, 'members_removed');
    const bucket = db.createBucket('members');
    for (const member of members) bucket.put(shortId(member.id), new TextEncoder().encode(encodeMember(member)));
  }
  const meta = db.createBucket('meta');
  if (bump > 0) raiseRevision(db, bump);
  meta.put('consistent_index', bigEndian(members.length));
  if (storesTerm) meta.put('term', bigEndian(RESTORED_TERM));
  yield* db.commit();
  db.close();
}

/**
 * An empty record at a revision that lies so much higher, and that revision as the one to compact to: who starts on it does the
 * rest. etcd: modifyLatestRevision.
 */
function raiseRevision(db: BoltFile, bump: number): void {
  const keys = db.createBucket('key');
  let latest = 0;
  keys.forEach((key) => {
    latest = mainOf(key);
  });
  const raised = revisionKey(latest + bump, 0);
  keys.put(raised, new Uint8Array(0));
  db.createBucket('meta').put('scheduledCompactRev', toBytes(raised));
}

function empty(db: BoltFile, name: string): void {
  const bucket = db.createBucket(name);
  const keys: string[] = [];
  bucket.forEach((key) => {
    keys.push(key);
  });
  for (const key of keys) bucket.delete(key);
}

/** saveWALAndSnap. */
function* writeRaftFiles(
  env: Parameters<typeof Wal.create>[0],
  members: readonly Member[],
  behaviours: RestoreBehaviours,
  {release, name, dataDir, walSegmentBytes = WAL_SEGMENT_BYTES}: RestoreOptions,
): Fiber<void> {
  const self = must(
    members.find((member) => member.name === name),
    'the initial cluster does not name the member to restore',
  );
  const [first] = members;
  assert(first !== undefined, 'a cluster without members');
  const ids = members.map(({id}) => id);
  const records = walBehaviours(release);
  const directory = `${dataDir}/member/wal`;
  const options = {directory, segmentBytes: walSegmentBytes, behaviours: records};
  const wal = yield* Wal.create(env, options, encodeMetadata(self.id, ids));
  const entries = members.map(joinEntry);
  const index = entries.length;
  const term = RESTORED_TERM;
  yield* wal.save({term, vote: first.id, commit: index}, entries);
  const confState = makeConfState({voters: ids});
  const snapshotter = new Snapshotter(env, `${dataDir}/member/snap`, records);
  yield* snapshotter.save({data: v2Data(members, behaviours), metadata: {index, term, confState}});
  yield* wal.saveSnapshot({index, term, confState});
  yield* wal.close();
}

const joinEntry = (member: Member, i: number): Entry => ({
  type: 'EntryConfChange',
  term: RESTORED_TERM,
  index: i + 1,
  data: encodeConfChange({
    id: NO_REQUEST,
    type: 'ConfChangeAddNode',
    nodeId: member.id,
    context: new TextEncoder().encode(encodeMember(member)),
  }),
});

function v2Data(members: readonly Member[], {v2Store}: RestoreBehaviours): Uint8Array {
  if (v2Store === 'membership') return saveV2Store(v2StoreOfMembership(members, [], undefined));
  const store = newServerV2Store(() => 0n);
  for (const member of members) saveV2Member(store, member);
  return saveV2Store(store);
}

/** etcdserverpb.Metadata. */
function encodeMetadata(id: MemberId, members: readonly MemberId[]): Uint8Array {
  const writer = new WireWriter(24);
  writer.id(1, id);
  writer.id(2, clusterIdOf(members));
  return writer.finish();
}

function bigEndian(value: number): Uint8Array {
  const bytes = new Uint8Array(8);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, Math.floor(value / 0x1_0000_0000));
  view.setUint32(4, value >>> 0);
  return bytes;
}
