// server-core/server/leadership.ts: what a member knows of its leader, and which timeout error that explains.
// etcd: server.go leadTimeMu and parseProposeCtxErr; etcdserver/cluster_util.go isConnectedToQuorumSince.
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select} from '../../env/fiber.ts';
import {Cell} from '../../env/sync.ts';
import type {Cluster} from '../membership/cluster.ts';
import type {Transport} from '../rafthttp/transport.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';
import type {ServerError} from './errors.ts';
import {ERR_TIMEOUT, ERR_TIMEOUT_CONNECTION_LOST, ERR_TIMEOUT_LEADER_FAIL} from './errors.ts';

export class Leadership {
  /** The leader as of the last Ready. */
  readonly leader = new Cell<MemberId>(NO_MEMBER);
  /** Counts new leaders. */
  readonly epoch = new Cell(0);
  private electedUs = 0;
  private readonly env: Env;
  private readonly config: ServerConfig;
  private readonly id: MemberId;

  constructor(env: Env, config: ServerConfig, id: MemberId) {
    this.env = env;
    this.config = config;
    this.id = id;
  }

  get isLeader(): boolean {
    return this.leader.value === this.id;
  }

  /** The raft loop saw a soft state. */
  changed(leader: MemberId, isLeader: boolean, isNewLeader: boolean): void {
    this.leader.set(leader);
    if (isLeader && isNewLeader) this.electedUs = this.env.clock.monotonicUs();
    if (isNewLeader) this.epoch.set(this.epoch.value + 1);
  }

  /** Waits for a leader as long as a request may take; false when none came. */
  *wait(): Fiber<boolean> {
    if (this.leader.value !== NO_MEMBER) return true;
    this.env.trace.mark('server: proposal waits for a leader');
    const outcome = yield* select(this.env, {
      leader: this.leader.satisfies((leader) => leader !== NO_MEMBER),
      deadline: after(this.env.clock, requestTimeoutUs(this.config)),
    });
    return outcome.kind === 'leader';
  }

  /** Why a proposal that was made at that time got no answer. */
  timeoutError(startedUs: number, cluster: Cluster, transport: Transport): ServerError {
    const {electionTicks, tickMs} = this.config;
    const previousLeaderLostUs = this.electedUs - 2 * electionTicks * tickMs * 1000;
    if (startedUs > previousLeaderLostUs && startedUs < this.electedUs) return ERR_TIMEOUT_LEADER_FAIL;
    const leader = this.leader.value;
    const isConnected = (id: MemberId) => (transport.activeSinceUs(id) ?? Number.POSITIVE_INFINITY) < startedUs;
    if (leader === NO_MEMBER) return ERR_TIMEOUT;
    if (leader !== this.id) return isConnected(leader) ? ERR_TIMEOUT : ERR_TIMEOUT_CONNECTION_LOST;
    const members = cluster.members();
    const connected = members.filter(({id}) => id === this.id || isConnected(id)).length;
    return connected >= Math.floor(members.length / 2) + 1 ? ERR_TIMEOUT : ERR_TIMEOUT_CONNECTION_LOST;
  }
}
