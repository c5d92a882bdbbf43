// server-core/membership/cluster.ts: who is in the cluster, as this member has applied it. etcd: membership.RaftCluster.
// The v3 backend holds the truth (buckets members, members_removed, cluster), as from etcd 3.6; the v2 store's copy of older
// releases joins with them. Not modelled yet: learner promotion, update and removal through the API.
import {fromBytes, toBytes} from '../../base/byte-string.ts';
import type {ClusterId, MemberId} from '../../base/ids.ts';
import {formatId} from '../../base/ids.ts';
import type {BatchTx} from '../backend/types.ts';
import type {Member} from './member.ts';
import {decodeMember, encodeMember} from './member.ts';

/** What a member tells of itself. etcd: membership.Attributes. */
export interface MemberAttributes {
  readonly memberId: MemberId;
  readonly name: string;
  readonly clientUrls: readonly string[];
}

export class Cluster {
  readonly id: ClusterId;
  private batch: BatchTx;
  private readonly byId = new Map<MemberId, Member>();
  private readonly removed = new Set<MemberId>();

  /** `initial` are the members of a new cluster, until entries say who is in it. */
  constructor(id: ClusterId, batch: BatchTx, initial: readonly Member[]) {
    this.id = id;
    this.batch = batch;
    this.recover(batch);
    for (const member of initial) this.byId.set(member.id, member);
  }

  /** Reads everything from a backend, after a restart or a received snapshot. */
  recover(batch: BatchTx): void {
    this.batch = batch;
    this.byId.clear();
    this.removed.clear();
    for (const {value} of batch.range('members', '', '\xff', 0)) {
      const member = decodeMember(fromBytes(value));
      this.byId.set(member.id, member);
    }
    for (const {key} of batch.range('members_removed', '', '\xff', 0)) {
      this.removed.add(key.padStart(16, '0') as MemberId);
    }
  }

  /** Sorted by id. */
  members(): Member[] {
    return [...this.byId.values()].sort((a, b) => (a.id < b.id ? -1 : 1));
  }

  member(id: MemberId): Member | undefined {
    return this.byId.get(id);
  }

  isRemoved(id: MemberId): boolean {
    return this.removed.has(id);
  }

  /** Applied through a conf change. schema.MustSaveMemberToBackend: the key is the id in hex without leading zeros. */
  addMember(member: Member): void {
    this.byId.set(member.id, member);
    this.batch.put('members', formatId(member.id), toBytes(encodeMember(member)));
  }

  /** A member published itself. Unknown members are passed over, removed ones too. etcd: UpdateAttributes. */
  setAttributes({memberId, name, clientUrls}: MemberAttributes): void {
    const member = this.byId.get(memberId);
    if (member === undefined) return;
    this.addMember({...member, name, clientUrls});
  }

  /** Applied through a conf change; the id never comes back. */
  removeMember(id: MemberId): void {
    this.byId.delete(id);
    this.removed.add(id);
    this.batch.delete('members', formatId(id));
    this.batch.put('members_removed', formatId(id), toBytes('removed'));
  }
}
