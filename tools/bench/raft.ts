// tools/bench/raft.ts: how fast raft alone is: three members in one process, no servers, disks or network.
// The work is the same every time; only the time it takes is measured.
import {must} from '../../base/assert.ts';
import type {MemberId} from '../../base/ids.ts';
import {toMemberId} from '../../base/ids.ts';
import {MemoryStorage} from '../../server-core/raft/memory-storage.ts';
import {RawNode} from '../../server-core/raft/raw-node.ts';
import {makeConfState} from '../../server-core/raftpb/types.ts';

export interface BenchResult {
  readonly name: string;
  readonly value: number;
  readonly unit: string;
}

interface Member {
  readonly raw: RawNode;
  readonly storage: MemoryStorage;
  applied: number;
}

const COMPACT_EVERY = 1_000;

function startCluster(): Map<MemberId, Member> {
  const ids = [1, 2, 3].map((value) => toMemberId(value));
  const confState = makeConfState({voters: ids});
  const members = new Map<MemberId, Member>();
  for (const id of ids) {
    const storage = new MemoryStorage();
    storage.applySnapshot({data: undefined, metadata: {confState, index: 1, term: 1}});
    const raw = new RawNode({
      id,
      storage,
      applied: 1,
      electionTicks: 10,
      heartbeatTicks: 1,
      maxSizePerMsg: 1 << 20,
      maxInflightMsgs: 512,
      checkQuorum: true,
      preVote: true,
      random: () => 0,
    });
    members.set(id, {raw, storage, applied: 1});
  }
  return members;
}

/** Handles Readys and delivers messages until nobody has anything to do. */
function run(members: Map<MemberId, Member>): void {
  for (let busy = true; busy; ) {
    busy = false;
    for (const member of members.values()) {
      if (!member.raw.hasReady()) continue;
      busy = true;
      const ready = member.raw.ready();
      if (ready.hardState !== undefined) member.storage.setHardState(ready.hardState);
      if (ready.entries.length > 0) member.storage.append(ready.entries);
      const last = ready.committedEntries.at(-1);
      if (last !== undefined) applyTo(member, last.index);
      for (const message of ready.messages) members.get(message.to)?.raw.step(message);
      member.raw.advance();
    }
  }
}

function applyTo(member: Member, index: number): void {
  member.applied = index;
  // As a server would, or the log grows without end.
  if (index - member.storage.firstIndex() > 2 * COMPACT_EVERY) member.storage.compact(index - COMPACT_EVERY);
}

function measure(proposals: number, batch: number): number {
  const members = startCluster();
  const leader = must(members.values().next().value, 'a cluster has members');
  leader.raw.campaign();
  run(members);
  const data = new Uint8Array(128);
  const propose = (count: number): void => {
    for (let done = 0; done < count; done += batch) {
      for (let i = 0; i < batch; i++) leader.raw.propose(data);
      run(members);
    }
  };
  propose(20_000);
  const before = leader.raw.committed;
  const start = performance.now();
  propose(proposals);
  const seconds = (performance.now() - start) / 1000;
  const committed = leader.raw.committed - before;
  if (committed !== proposals) throw new Error(`committed ${committed} of ${proposals}`);
  return Math.round(proposals / seconds);
}

/** Ticks of an idle cluster: what a simulated second costs when nothing happens. */
function measureIdle(ticks: number): number {
  const members = startCluster();
  must(members.values().next().value, 'a cluster has members').raw.campaign();
  run(members);
  const tickAll = (count: number): void => {
    for (let tick = 0; tick < count; tick++) {
      for (const {raw} of members.values()) raw.tick();
      run(members);
    }
  };
  tickAll(5_000);
  const start = performance.now();
  tickAll(ticks);
  return Math.round(ticks / ((performance.now() - start) / 1000));
}

/** Proposals a second through commit and apply on three members, one and 64 at a time; and ticks a second when idle. */
export function runRaftBench(): BenchResult[] {
  return [
    {name: 'raft: 3 members, 1 proposal a round', value: measure(300_000, 1), unit: 'proposals/s'},
    {name: 'raft: 3 members, 64 proposals a round', value: measure(600_000, 64), unit: 'proposals/s'},
    {name: 'raft: 3 members, idle', value: measureIdle(100_000), unit: 'ticks/s'},
  ];
}
