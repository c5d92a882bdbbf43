// server-core/datadir/import-dir.ts: files that a real etcd wrote, made ready for a simulated disk.
// A data directory is taken as it is, so that the member recovers from it as real etcd would after a kill: with its WAL, torn end and
// all. A snapshot file, or a bare database, becomes a fresh directory by restore-snapshot.ts.
import type {MemberId} from '../../base/ids.ts';
import {toMemberId} from '../../base/ids.ts';
import type {Member} from '../membership/member.ts';
import {decodeMember} from '../membership/member.ts';
import {decodeConfChange} from '../raftpb/conf-change-codec.ts';
import type {Inspection} from './inspect.ts';
import {inspectFiles, kindOf, pathBelow} from './inspect.ts';
import type {DataFiles} from './memory-disk.ts';
import type {RestoreOptions} from './restore-snapshot.ts';
import {restoreSnapshot} from './restore-snapshot.ts';
import type {Damage} from './wal-dump.ts';

/** A member of the cluster that the directory belongs to, as far as its database tells. */
export interface ImportedMember {
  readonly id: MemberId;
  readonly name: string;
  readonly peerUrls: readonly string[];
  /** What it published when it was started last. The databases of 3.5 have none: there they are in the v2 store only. */
  readonly clientUrls: readonly string[];
  readonly isLearner: boolean;
}

/** What to put on a simulated disk, and how to configure who starts on it. */
export interface ImportedDir {
  /** By absolute path on the simulated disk. */
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly self: ImportedMember;
  readonly members: readonly ImportedMember[];
  /** As its WAL says, in hex without leading zeros: the directories of one cluster agree. */
  readonly clusterId: string;
  /** `3.5`, from the cluster version; undefined when it was not decided yet. Nothing older or newer should start on it. */
  readonly minor: string | undefined;
  /** The revision of the database; the WAL may hold more. */
  readonly revision: number;
}

/** Why files cannot be imported; the first damage says where. */
export class ImportError extends Error {
  override readonly name = 'ImportError';
  readonly damages: readonly Damage[];
  constructor(message: string, damages: readonly Damage[] = []) {
    super(message);
    this.damages = damages;
  }
}

/**
 * Takes a data directory (or its member/), a snapshot file or a database; `root` is what was named, as for kindOf. Torn ends of a
 * WAL are left to the member. Throws ImportError.
 */
export function importDataDir(files: DataFiles, root: string, options: RestoreOptions): ImportedDir {
  const {dataDir} = options;
  const kind = kindOf(files, root);
  if (kind === undefined || kind === 'wal' || kind === 'snap')
    throw new ImportError('neither a data directory nor a snapshot file of etcd');
  if (kind === 'data-dir') return takeOver(files, root, dataDir);
  const [[file, bytes] = ['', new Uint8Array(0)]] = files;
  refuseDamage(inspectFiles(files, kind, root));
  return takeOver(restoreSnapshot(file, bytes, options), dataDir, dataDir);
}

function takeOver(files: DataFiles, root: string, dataDir: string): ImportedDir {
  const inspection = inspectFiles(files, 'data-dir', root);
  refuseDamage(inspection);
  const {db, wal} = inspection;
  const owner = wal?.metadata;
  if (db === undefined || owner === undefined) throw new ImportError('no record says whose WAL it is');
  const members = membersOf(inspection);
  const id = toMemberId(owner.nodeId);
  const self = members.find((member) => member.id === id);
  if (self === undefined)
    throw new ImportError(`member ${owner.nodeId} is not in the cluster of its own data directory`);
  const [major, minor] = db.content.clusterVersion.split('.');
  return {
    files: new Map([...files].map(([path, bytes]) => [placeOf(path, root, dataDir), bytes])),
    self,
    members,
    clusterId: owner.clusterId,
    minor: minor === undefined ? undefined : `${major}.${minor}`,
    revision: db.status.revision,
  };
}

/** Below `member/`, whether that or the folder above it was named. */
function placeOf(path: string, root: string, dataDir: string): string {
  const place = pathBelow(path, root);
  return place.startsWith('member/') ? `${dataDir}/${place}` : `${dataDir}/member/${place}`;
}

/** What no start of a member would mend. */
function refuseDamage({damages, wal}: Inspection): void {
  const torn = wal?.damage !== undefined && wal.isTorn ? wal.damage : undefined;
  const fatal = damages.filter((damage) => damage !== torn);
  const [first] = fatal;
  if (first !== undefined) throw new ImportError(`${first.file}: offset ${first.offset}: ${first.reason}`, fatal);
}

/** The voters and learners of the newest committed configuration, with what the database and their admission say of them. */
function membersOf({db, snapshots, wal}: Inspection): ImportedMember[] {
  const newest = snapshots.at(-1)?.snapshot.metadata;
  const voters = new Set<MemberId>(newest?.confState.voters);
  const learners = new Set<MemberId>(newest?.confState.learners);
  const admitted = new Map<MemberId, Member>();
  for (const {entry, isReplaced} of wal?.entries ?? []) {
    if (entry.type !== 'EntryConfChange' || isReplaced) continue;
    const {type, nodeId, context} = decodeConfChange(entry.data ?? new Uint8Array(0));
    if (context !== undefined && context.length > 0)
      admitted.set(nodeId, decodeMember(new TextDecoder().decode(context)));
    const isDone = entry.index <= (newest?.index ?? 0);
    if (isDone || entry.index > (wal?.hardState.commit ?? 0) || type === 'ConfChangeUpdateNode') continue;
    voters.delete(nodeId);
    learners.delete(nodeId);
    if (type === 'ConfChangeAddNode') voters.add(nodeId);
    else if (type === 'ConfChangeAddLearnerNode') learners.add(nodeId);
  }
  const stored = new Map((db?.content.members ?? []).map((member) => [toMemberId(member.id), member]));
  return [...voters, ...learners].sort().map((id) => {
    const {name = '', peerUrls = [], clientUrls = []} = stored.get(id) ?? admitted.get(id) ?? {};
    return {id, name, peerUrls, clientUrls, isLearner: learners.has(id)};
  });
}
