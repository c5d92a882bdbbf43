// server-core/server/force-new-cluster.ts: --force-new-cluster: a member goes on alone with what it holds. The log is cut at the commit
// index, removals of everybody else are appended and count as committed.
// etcd: restartAsStandaloneNode, getIDs, createConfigChangeEnts; from 3.6 bootstrapWALFromSnapshot, storage/util.go.
// What went wrong with it in older releases is catalogued as UM-29 (etcd-io/etcd#20009, #20071, #20339, #20896, #12288).
import {fromUtf8Text} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import {encodeMember, jsonBytes} from '../membership/member.ts';
import {ServerEnded} from '../membership/process-end.ts';
import {makeConfChange} from '../raftpb/conf-change.ts';
import {decodeConfChange, encodeConfChange} from '../raftpb/conf-change-codec.ts';
import type {ConfChange, ConfState, Entry, HardState} from '../raftpb/types.ts';
import {EMPTY_CONF_STATE} from '../raftpb/types.ts';
import {isSince} from '../release/release.ts';

export interface ForceBehaviours {
  /**
   * Entries up to the consistent index are kept also where the stored commit index lies behind it, which is written only together
   * with something else (#20009): 3.5.22, 3.6.1, 3.7.0. Before, applied membership changes were cut off the log and stayed in the
   * backend.
   */
  readonly keepsApplied: boolean;
  /** Learners that only the snapshot tells of are removed too: 3.5.25, 3.6.6 (547d6f42c, #20896); 3.7.0 leaves them again. */
  readonly removesLearnersOfSnapshot: boolean;
  /** A log in which a learner was added can be read: 3.4.14, 3.5.0 (#12288). Before, the process ended. */
  readonly readsLearners: boolean;
  /** A member that was removed is added again before the others go, so that there always is a voter: 3.4.0. */
  readonly addsSelfFirst: boolean;
}

export function forceBehaviours(release: string): ForceBehaviours {
  return Object.freeze({
    keepsApplied: isSince(release, '3.5.22', '3.6.1', '3.7.0'),
    removesLearnersOfSnapshot: isSince(release, '3.5.25', '3.6.6') && !isSince(release, '3.7.0'),
    readsLearners: isSince(release, '3.4.14', '3.5.0'),
    addsSelfFirst: isSince(release, '3.4.0'),
  });
}

/** What a member's WAL holds behind its snapshot, and what else decides about the cut. */
export interface ForcedLog {
  readonly self: MemberId;
  readonly hardState: HardState;
  readonly entries: readonly Entry[];
  /** Of the snapshot; undefined without one. */
  readonly confState: ConfState | undefined;
  readonly consistentIndex: number;
}

export interface ForcedStart {
  readonly hardState: HardState;
  /** Everything that raft begins with. */
  readonly entries: readonly Entry[];
  /** Those of them that the WAL does not have yet. */
  readonly added: readonly Entry[];
}

/** Cuts the log and adds the removals; the commit index stands behind them. Throws ServerEnded. Pure. */
export function forceNewCluster(behaviours: ForceBehaviours, log: ForcedLog): ForcedStart {
  const {hardState, consistentIndex} = log;
  const commit = behaviours.keepsApplied ? Math.max(hardState.commit, consistentIndex) : hardState.commit;
  const kept = log.entries.filter(({index}) => index <= commit);
  const known = knownIds(behaviours, log.confState ?? EMPTY_CONF_STATE, kept);
  const others = known.filter((id) => id !== log.self).map((id) => makeConfChange('ConfChangeRemoveNode', id));
  const self = known.includes(log.self) ? [] : [addition(log.self)];
  const changes = behaviours.addsSelfFirst ? [...self, ...others] : [...others, ...self];
  const added = changes.map(
    (change, i): Entry => ({
      type: 'EntryConfChange',
      term: hardState.term,
      index: commit + 1 + i,
      data: encodeConfChange(change),
    }),
  );
  const entries = [...kept, ...added];
  return {hardState: {...hardState, commit: entries.at(-1)?.index ?? commit}, entries, added};
}

/** Everybody that snapshot and log have added and not removed, by id. etcd: getIDs, GetEffectiveNodeIDsFromWALEntries. */
function knownIds(behaviours: ForceBehaviours, {voters, learners}: ConfState, entries: readonly Entry[]): MemberId[] {
  const ids = new Set(behaviours.removesLearnersOfSnapshot ? [...voters, ...learners] : voters);
  for (const {type, data} of entries) {
    if (type !== 'EntryConfChange') continue;
    const change = decodeConfChange(data ?? new Uint8Array(0));
    switch (change.type) {
      case 'ConfChangeAddLearnerNode':
        if (!behaviours.readsLearners) {
          throw new ServerEnded('ConfChange Type should be either ConfChangeAddNode or ConfChangeRemoveNode!');
        }
        ids.add(change.nodeId);
        break;
      case 'ConfChangeAddNode':
        ids.add(change.nodeId);
        break;
      case 'ConfChangeRemoveNode':
        ids.delete(change.nodeId);
        break;
      default:
    }
  }
  return [...ids].sort();
}

/** A member that its own log has removed comes back under the address that etcd takes for any such member. */
function addition(id: MemberId): ConfChange {
  const member = {
    id,
    peerUrls: [fromUtf8Text('http://localhost:2380')],
    isLearner: false,
    name: fromUtf8Text(''),
    clientUrls: [],
  };
  return makeConfChange('ConfChangeAddNode', id, jsonBytes(encodeMember(member)));
}
