// scenarios/applied-log.ts: what members applied, entry by entry, as the first of them that came there had it.
// That all members have the same entries is another check's business (log matching, state agreement).
import type {KvStep} from '../history/operation.ts';
import {decodeEntryRequest} from '../server-core/etcdserverpb/v2-request.ts';
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
      // Up to 3.5 members publish themselves by requests of the v2 API, which lie in the same log.
      const entry = decodeEntryRequest(data, {takesV2: true});
      const step = entry.kind === 'v2' ? undefined : stepOf(entry.request.body);
      if (step !== undefined) steps.push(step);
    }
    return steps;
  }
}
