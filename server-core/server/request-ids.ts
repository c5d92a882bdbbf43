// server-core/server/request-ids.ts: ids for requests that go through raft, unlike those of any member or earlier life. etcd: idutil.
// Two bytes of the member's id, five of the start time in milliseconds, one to count with, which overflows into the time.
import type {Id64, MemberId} from '../../base/ids.ts';

export class RequestIds {
  private readonly prefix: string;
  private suffix: number;

  constructor(member: MemberId, wallUs: number) {
    this.prefix = member.slice(12);
    const milliseconds = Math.floor(wallUs / 1000);
    this.suffix = (milliseconds % 2 ** 40) * 256;
  }

  next(): Id64 {
    this.suffix = (this.suffix + 1) % 2 ** 48;
    return (this.prefix + this.suffix.toString(16).padStart(12, '0')) as Id64;
  }
}
