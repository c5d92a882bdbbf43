// server-core/datadir/behaviours.ts: what the restore tool of a release does its own way (etcdctl snapshot restore up to 3.5, then etcdutl).
import {isSince} from '../release/release.ts';

export interface RestoreBehaviours {
  /**
   * `replaced`: buckets `members` and `members_removed` are emptied and filled with the new members (3.5.0, etcd-io/etcd#12846).
   * `left`: they stay as they were. The tool of 3.3 and 3.4 means to empty them, but deletes keys of those names from the key
   * space instead; what counts there is the v2 store.
   */
  readonly membershipBuckets: 'replaced' | 'left';
  /** The term goes beside the consistent index (3.5.0). */
  readonly storesTerm: boolean;
  /**
   * What the snapshot's v2 store says of the members. `raft-attributes`: what adding them leaves there. `membership`: all that is
   * known, in the v2 format (3.6.0, GetMembershipInfoInV2Format).
   */
  readonly v2Store: 'raft-attributes' | 'membership';
  /** The freelist is written with every commit of the database; 3.3 on Linux leaves it out (backend/config_linux.go). */
  readonly freelistSync: boolean;
  /** --bump-revision and --mark-compacted are flags of the tool: 3.4.27, 3.5.10, 3.6.0 (#16028). */
  readonly bumps: boolean;
}

/** The behaviours of a release such as `3.4.23`. */
export function restoreBehaviours(release: string): RestoreBehaviours {
  return Object.freeze({
    membershipBuckets: isSince(release, '3.5.0') ? 'replaced' : 'left',
    storesTerm: isSince(release, '3.5.0'),
    v2Store: isSince(release, '3.6.0') ? 'membership' : 'raft-attributes',
    freelistSync: !isSince(release, '3.3.0') || isSince(release, '3.4.0'),
    bumps: isSince(release, '3.4.27', '3.5.10', '3.6.0'),
  });
}
