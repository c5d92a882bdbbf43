// server-core/server/v2-membership.ts: what a .snap file carries beside raft's configuration: membership as the v2 store's JSON.
// Up to 3.5 that is the v2 store itself, with all that happened to it; 3.6 and 3.7 write a fresh one with the members as they are
// now (GetMembershipInfoInV2Format), for the sake of their neighbours.
import type {MembershipBehaviours} from '../membership/behaviours.ts';
import type {Cluster} from '../membership/cluster.ts';
import {v2StoreOfMembership} from '../membership/v2-members.ts';
import {saveV2Store} from '../v2store/save.ts';

export class MembershipData {
  private readonly cluster: Cluster;
  private readonly behaviours: MembershipBehaviours;
  private made: {readonly changeCount: number; readonly bytes: Uint8Array} | undefined;

  constructor(cluster: Cluster, behaviours: MembershipBehaviours) {
    this.cluster = cluster;
    this.behaviours = behaviours;
  }

  /** The JSON as it is now. Never changed afterwards: it may be handed out more than once. */
  bytes(): Uint8Array {
    const {cluster, behaviours} = this;
    const {v2Store, changeCount} = cluster;
    if (behaviours.v2Entries === 'applied' && v2Store !== undefined) return saveV2Store(v2Store);
    if (this.made?.changeCount !== changeCount) {
      const store = v2StoreOfMembership(cluster.members(), cluster.removedIds(), cluster.version);
      this.made = {changeCount, bytes: saveV2Store(store)};
    }
    return this.made.bytes;
  }
}
