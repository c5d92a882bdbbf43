// scenarios/applied-log.ts: what members applied, entry by entry, as the first of them that came there had it.
// That all members have the same entries is another check's business (log matching, state agreement).
import type {KvStep} from '../history/operation.ts';
import {decodeInternalRaftRequest} from '../server-core/etcdserverpb/raft-request.ts';
import type {Entry} from '../server-core/raftpb/types.ts';
import {stepOf} from './translate.ts';

export class AppliedLog {
  private readonly byIndex: (Uint8Array | undefined)[] = [];

  add({index, type, data}: Entry): void {
    if (type === 'EntryNormal') this.byIndex[index] ??= data;
  }

  /** The write requests of clients, in order. */
  writes(): KvStep[] {
    const steps: KvStep[] = [];
    for (const data of this.byIndex) {
      if (data === undefined || data.length === 0) continue;
      const step = stepOf(decodeInternalRaftRequest(data).body);
      if (step !== undefined) steps.push(step);
    }
    return steps;
  }
}
