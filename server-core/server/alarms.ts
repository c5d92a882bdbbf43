// server-core/server/alarms.ts: the alarms a cluster has raised, in memory and in bucket `alarm`. etcd: api/v3alarm/alarms.go.
// The record is all key and no value. Every change comes through raft, so all members have the same ones.
import {fromBytes, toBytes} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import type {BatchTx} from '../backend/types.ts';
import type {AlarmMember, AlarmType} from '../etcdserverpb/maintenance-messages.ts';
import {alarmMember} from '../etcdserverpb/maintenance-messages.ts';

const NO_VALUE = new Uint8Array(0);

export class AlarmStore {
  private batch: BatchTx;
  private raised: AlarmMember[] = [];

  constructor(batch: BatchTx) {
    this.batch = batch;
    this.restore(batch);
  }

  /** Reads the alarms of another backend. */
  restore(batch: BatchTx): void {
    this.batch = batch;
    this.raised = [];
    batch.forEach('alarm', (key) => this.raised.push(alarmMember.decode(toBytes(key))));
  }

  /** Raises one; the alarm that stands, whether it is new or not. */
  activate(memberId: MemberId, alarm: AlarmType | number): AlarmMember {
    const known = this.find(memberId, alarm);
    if (known !== undefined) return known;
    const raised = alarmMember.make({memberId, alarm});
    this.raised.push(raised);
    this.batch.put('alarm', fromBytes(alarmMember.encode(raised)), NO_VALUE);
    return raised;
  }

  /** Takes one back; undefined when it was not raised. */
  deactivate(memberId: MemberId, alarm: AlarmType | number): AlarmMember | undefined {
    const known = this.find(memberId, alarm);
    if (known === undefined) return undefined;
    this.raised = this.raised.filter((raised) => raised !== known);
    this.batch.delete('alarm', fromBytes(alarmMember.encode(known)));
    return known;
  }

  /** Those of one type, or of all for 'none', by type and member. etcd lists them in a map's order. */
  list(alarm: AlarmType | number): readonly AlarmMember[] {
    const found = alarm === 'none' ? [...this.raised] : this.raised.filter((raised) => raised.alarm === alarm);
    return found.sort((a, b) => (String(a.alarm) + a.memberId < String(b.alarm) + b.memberId ? -1 : 1));
  }

  has(alarm: AlarmType): boolean {
    return this.raised.some((raised) => raised.alarm === alarm);
  }

  private find(memberId: MemberId, alarm: AlarmType | number): AlarmMember | undefined {
    return this.raised.find((raised) => raised.memberId === memberId && raised.alarm === alarm);
  }
}
