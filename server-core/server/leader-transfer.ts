// server-core/server/leader-transfer.ts: leadership is handed to a chosen member: on demand, and before an orderly stop.
// etcd: EtcdServer.MoveLeader, TryTransferLeadershipOnShutdown (TransferLeadership up to 3.5), longestConnected.
import type {MemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, sleepUs} from '../../env/fiber.ts';
import type {Cluster} from '../membership/cluster.ts';
import type {Member} from '../membership/member.ts';
import type {Transport} from '../rafthttp/transport.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';
import type {RaftLoop} from './raft-loop.ts';

export interface TransferParts {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly raft: RaftLoop;
  readonly leader: () => MemberId;
}

/** Asks raft and waits as long as a request may take; false: nobody saw the target lead in that time. */
export function* transferLeader({env, config, raft, leader}: TransferParts, target: MemberId): Fiber<boolean> {
  raft.node.transferLeader(target);
  raft.stepped();
  const deadline = after(env.clock, requestTimeoutUs(config));
  while (leader() !== target) {
    if (deadline.ready()) return false;
    yield* sleepUs(env.clock, config.tickMs * 1000);
  }
  return true;
}

/** The member connected for the longest time, by id among equals; undefined when nobody is. Sorted members. */
export function longestConnected(
  members: readonly Member[],
  activeSinceUs: (id: MemberId) => number | undefined,
): MemberId | undefined {
  let longest: MemberId | undefined;
  let oldestUs = Number.POSITIVE_INFINITY;
  for (const {id} of members) {
    const sinceUs = activeSinceUs(id);
    if (sinceUs === undefined || sinceUs >= oldestUs) continue;
    longest = id;
    oldestUs = sinceUs;
  }
  return longest;
}

/**
 * A leader that is about to stop makes the voter that is connected for the longest time the next one. A failure is only noted, and a
 * voter that is alone has nobody to hand on to. Up to 3.3 every member counted as a voter.
 */
export function* handOn(
  parts: TransferParts & {readonly cluster: Cluster; readonly transport: Pick<Transport, 'activeSinceUs'>},
): Fiber<void> {
  const {env, config, raft, cluster, transport, leader} = parts;
  if (leader() !== raft.node.id) return;
  const voters = cluster.votingMembers();
  if (voters.length <= 1) return;
  const target = longestConnected(voters, (id) => transport.activeSinceUs(id));
  const isDone = target !== undefined && (yield* transferLeader(parts, target));
  env.trace.mark(isDone ? 'server: leadership handed on at a stop' : 'server: leadership not handed on at a stop');
  if (isDone) return;
  const reason = target === undefined ? 'unhealthy cluster' : 'request timed out, leader transfer took too long';
  config.observer?.noted(`leadership transfer failed: etcdserver: ${reason}`);
}
