// scenarios/applied-log.ts: what members applied, entry by entry, as the first of them that came there had it.
// That all members have the same entries is another check's business (log matching, state agreement).
import type {KvStep} from '../history/operation.ts';
import {decodeEntryRequest} from '../server-core/etcdserverpb/v2-request.ts';
import type {Entry} from '../server-core/raftpb/types.ts';
import {stepOf} from './translate.ts';

const NOTHING = new Uint8Array(0);

export class AppliedLog {
  private readonly byIndex: (Uint8Array | undefined)[] = [];
  readonly before: AppliedLog | undefined;

  /** `before`: the log that this one goes on from, where a cluster goes on by force; what is applied again counts once. */
  constructor(before?: AppliedLog) {
    this.before = before;
  }

  add({index, type, data}: Entry): void {
    this.byIndex[index] ??= type === 'EntryNormal' ? (data ?? NOTHING) : NOTHING;
  }

  private at(index: number): Uint8Array | undefined {
    return this.byIndex[index] ?? this.before?.at(index);
  }

  private get length(): number {
    return Math.max(this.byIndex.length, this.before?.length ?? 0);
  }

  /** The write requests of clients, in order. */
  writes(): KvStep[] {
    const steps: KvStep[] = [];
    for (let index = 0; index < this.length; index++) {
      const data = this.at(index);
      if (data === undefined || data.length === 0) continue;
      // Up to 3.5 members publish themselves by requests of the v2 API, which lie in the same log.
      const entry = decodeEntryRequest(data, {takesV2: true});
      const step = entry.kind === 'v2' ? undefined : stepOf(entry.request.body);
      if (step !== undefined) steps.push(step);
    }
    return steps;
  }
}
