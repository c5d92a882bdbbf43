// server-core/raft/lab/quorum-picture.ts: what each voter has, drawn as bars. etcd (v3.7.0): MajorityConfig.Describe.
import type {MemberId} from '../../../base/ids.ts';
import {formatId} from '../../../base/ids.ts';
import type {AckedIndexes} from '../quorum.ts';
import {compareMemberIds} from '../quorum.ts';

/** An index, with the sign of infinity for what an empty configuration has committed. */
export function formatIndex(index: number): string {
  return index === Number.POSITIVE_INFINITY ? '∞' : String(index);
}

/** A line for each voter by rising id; the bar's length is how many voters have less, '?' a voter that has not reported. */
export function drawQuorum(voters: readonly MemberId[], acked: AckedIndexes): string {
  if (voters.length === 0) return '<empty majority quorum>';
  const count = voters.length;
  const indexOf = (id: MemberId): number => acked.ackedIndex(id) ?? 0;
  let picture = `${' '.repeat(count)}    idx\n`;
  for (const id of [...voters].sort(compareMemberIds)) {
    const bar = voters.filter((other) => indexOf(other) < indexOf(id)).length;
    const known = acked.ackedIndex(id) !== undefined;
    const drawn = known ? `${'x'.repeat(bar)}>${' '.repeat(count - bar)}` : `?${' '.repeat(count)}`;
    picture += `${drawn} ${String(indexOf(id)).padStart(5)}    (id=${formatId(id)})\n`;
  }
  return picture;
}
