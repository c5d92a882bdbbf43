// server-core/server/lease-host.ts: the server as the Lease service sees it: raft, the leader, the auth store behind one port.
// etcd: the parts of EtcdServer that LeaseRenew, LeaseTimeToLive, revokeExpiredLeases and ensureLeadership use.
import type {LeaseId, MemberId} from '../../base/ids.ts';
import {idFromWords, idToWords, NO_MEMBER} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select, sleepUs} from '../../env/fiber.ts';
import type {Cell} from '../../env/sync.ts';
import {ERR_USER_EMPTY} from '../auth/errors.ts';
import type {AuthStore} from '../auth/store.ts';
import {leaseBehavioursOf} from '../lease/behaviours.ts';
import {handlePeerLease} from '../lease/peer-lease.ts';
import type {CallerPermissions, LeaseAuth, LeaseHost} from '../lease/ports.ts';
import {makeCheckpointer} from '../lease/revoker.ts';
import type {Cluster} from '../membership/cluster.ts';
import {addressOf} from '../membership/member.ts';
import {askPeer, textReply} from '../rafthttp/peer-http.ts';
import {goTime} from '../v2store/go-json.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';
import type {ServerError} from './errors.ts';
import {ERR_NO_LEADER, ERR_TIMEOUT_WAIT_APPLIED} from './errors.ts';
import type {PeerHttp} from './peer-http.ts';
import type {Proposer} from './proposer.ts';
import type {RaftLoop} from './raft-loop.ts';
import type {ReadLoop} from './read-loop.ts';
import type {RequestIds} from './request-ids.ts';
import type {StateParts} from './state-parts.ts';

/** Who asks: the owner of a token, or nobody. */
export interface Caller {
  readonly token: string | undefined;
}

/** applyTimeout: how long a member may lag behind what is committed. */
const APPLY_TIMEOUT_US = 1_000_000;
/** A raft tick younger than so many ticks proves that the process is not stuck. etcd: isActive. */
const ACTIVE_TICKS = 3;

export interface LeaseHostParts {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly id: MemberId;
  readonly parts: StateParts;
  readonly proposer: Proposer;
  readonly raft: RaftLoop;
  readonly reads: ReadLoop;
  readonly requestIds: RequestIds;
  readonly cluster: Cluster;
  readonly leader: Cell<MemberId>;
  readonly appliedWait: Cell<number>;
  readonly committedIndex: () => number;
}

/** Fills the Lease service's port. */
export function makeLeaseHost(server: LeaseHostParts): LeaseHost<Caller> {
  const {env, config, id, parts, proposer, raft, reads, requestIds, leader} = server;
  const tickUs = config.tickMs * 1000;
  const host: LeaseHost<Caller> = {
    env,
    lessor: parts.lessor,
    behaviours: leaseBehavioursOf(config.release),
    auth: leaseAuth(parts.auth),
    requestTimeoutUs: requestTimeoutUs(config),
    fastKeepAlive: true,
    propose: (body, caller) => proposer.propose(body, caller?.token),
    asRoot: () => ({token: parts.auth.rootToken()}),
    isLeader: () => leader.value === id,
    waitLeader: (untilUs) => waitLeader(server, untilUs),
    waitAppliedIndex: () => waitAppliedIndex(server),
    confirmLeadership: function* () {
      return (yield* reads.confirm()) === undefined && leader.value === id;
    },
    hasTicked: () => env.clock.monotonicUs() - raft.lastTickUs < ACTIVE_TICKS * tickUs,
    askLeader: (path, body, timeoutUs) => askLeader(server, {method: 'POST', path, body}, timeoutUs),
    header: () => proposer.header(),
    drawId: () => {
      const {high, low} = idToWords(requestIds.next());
      return idFromWords(high & 0x7fff_ffff, low) as LeaseId;
    },
  };
  if (config.leaseCheckpoint && host.behaviours.hasCheckpoints) parts.lessor.setCheckpointer(makeCheckpointer(host));
  return host;
}

/** What other members ask of this one about leases, and how long a question takes. */
export function answerPeers(http: PeerHttp, leases: LeaseHost<Caller>): void {
  const {clock} = leases.env;
  // The prober that members judge each other's round-trip times with.
  // biome-ignore lint/correctness/useYield: nothing to wait for
  http.handles('/raft/probing', function* () {
    return textReply(200, `{"OK":true,"Now":"${goTime(BigInt(clock.wallUs()) * 1000n)}"}\n`);
  });
  http.handles('/leases', ({path, body}) => handlePeerLease(leases, path, body));
  http.handles('/leases/internal', ({path, body}) => handlePeerLease(leases, path, body));
}

function leaseAuth(auth: AuthStore): LeaseAuth<Caller> {
  return {
    isEnabled: () => auth.enabled,
    revision: () => auth.revision,
    permissionsOf: ({token}) => {
      const info = auth.authInfoFromToken(token) ?? ERR_USER_EMPTY;
      if ('kind' in info) return info;
      const permissions: CallerPermissions = {
        kind: 'permissions',
        admin: () => auth.isAdminPermitted(info),
        range: (key) => auth.isRangePermitted(info, key, ''),
        put: (key) => auth.isPutPermitted(info, key),
      };
      return permissions;
    },
  };
}

function* waitLeader({env, config, leader}: LeaseHostParts, untilUs: number): Fiber<ServerError | undefined> {
  const electionUs = config.electionTicks * config.tickMs * 1000;
  while (leader.value === NO_MEMBER) {
    // 3.3 and later look again once an election should be over.
    const leftUs = untilUs - env.clock.monotonicUs();
    yield* sleepUs(env.clock, Math.max(0, Math.min(electionUs, leftUs)));
    if (env.clock.monotonicUs() >= untilUs && leader.value === NO_MEMBER) return ERR_NO_LEADER;
  }
  return undefined;
}

function* waitAppliedIndex({env, appliedWait, committedIndex}: LeaseHostParts): Fiber<ServerError | undefined> {
  const committed = committedIndex();
  if (appliedWait.value >= committed) return undefined;
  const outcome = yield* select(env, {
    applied: appliedWait.satisfies((index) => index >= committed),
    deadline: after(env.clock, APPLY_TIMEOUT_US),
  });
  return outcome.kind === 'applied' ? undefined : ERR_TIMEOUT_WAIT_APPLIED;
}

/** Asks the leader's peer URLs, one after the other. */
function* askLeader(
  {env, cluster, leader}: LeaseHostParts,
  request: Parameters<typeof askPeer>[2],
  timeoutUs: number,
): Fiber<{readonly status: number; readonly body: Uint8Array} | undefined> {
  const member = cluster.members().find(({id}) => id === leader.value);
  for (const url of member?.peerUrls ?? []) {
    const reply = yield* askPeer(env, addressOf(url), request, timeoutUs);
    if (reply !== undefined) return reply;
  }
  return undefined;
}
