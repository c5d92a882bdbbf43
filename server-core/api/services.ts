// server-core/api/services.ts: which service answers which call, and what stands in front of all of them.
// etcd: v3rpc/grpc.go, interceptor.go (capability, learner, leader), embed/etcd.go for the plain HTTP paths.
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import type {RangeRequest} from '../etcdserverpb/types.ts';
import type {Answer} from '../server/kv-api.ts';
import type {OpenCall} from './call-context.ts';
import type {ClientServices} from './client-port.ts';
import type {Wording} from './early-answers.ts';
import type {CallFailure, Method} from './payloads.ts';

/** Answers one unary method. */
export type UnaryHandler = (request: never, call: OpenCall) => Fiber<Answer<object>>;
/** Serves one stream to its end. */
export type StreamHandler = (call: OpenCall) => Fiber<CallFailure | undefined>;

export interface ServicesHost {
  readonly unary: Readonly<Partial<Record<Method, UnaryHandler>>>;
  readonly streams: Readonly<Partial<Record<Method, StreamHandler>>>;
  readonly http: ClientServices['http'];
  readonly env: Env;
  readonly electionTimeoutUs: number;
  readonly hasLeader: () => boolean;
  readonly isLearner: () => boolean;
  /** The code of refusals on a learner: FailedPrecondition from 3.6 on. */
  readonly learnerRefusalCode: 'Unavailable' | 'FailedPrecondition';
  /** Is the v3 API open? Releases before 3.2 keep it shut until the cluster's version is one of 3.x. etcd: api.IsCapabilityEnabled. */
  readonly isCapable: () => boolean;
  /** The answers of 3.0; undefined where they are as they should be. */
  readonly wording: Wording | undefined;
  /** What gRPC says of a method that is not there. */
  readonly unknownMethod: (method: Method) => string;
}

const NO_LEADER: CallFailure = {code: 'Unavailable', message: 'etcdserver: no leader'};
/** maxNoLeaderCnt: so many election timeouts without a leader end the streams that want one. */
const LEADERLESS_MAX = 3;
const NOT_CAPABLE: CallFailure = {code: 'Unavailable', message: 'etcdserver: not capable'};
const ON_LEARNER = 'etcdserver: rpc not supported for learner';

/** All services of one member. */
export class Services implements ClientServices {
  private readonly host: ServicesHost;
  /** Streams that end when the leader is lost. */
  private readonly leaderBound = new Set<OpenCall>();

  constructor(host: ServicesHost) {
    this.host = host;
  }

  *call(method: Method, request: object, call: OpenCall): Fiber<Answer<object>> {
    const handler = this.host.unary[method];
    if (handler === undefined) return refused(this.unimplemented(method));
    const failure = this.refuses(method, request, call);
    if (failure !== undefined) return refused(failure);
    const answer = yield* handler(request as never, call);
    const {wording} = this.host;
    return wording === undefined ? answer : wording(method, answer);
  }

  *stream(method: Method, call: OpenCall): Fiber<CallFailure | undefined> {
    const handler = this.host.streams[method];
    if (handler === undefined) return this.unimplemented(method);
    const failure = this.refuses(method, undefined, call);
    if (failure !== undefined) return failure;
    if (call.metadata.requiresLeader === true) this.bindToLeader(call);
    const end = yield* handler(call);
    this.leaderBound.delete(call);
    return call.cutBy ?? end;
  }

  private bindToLeader(call: OpenCall): void {
    this.leaderBound.add(call);
    if (this.leaderBound.size === 1) this.host.env.spawn('monitor-leader', this.monitorLeader());
  }

  /** Runs while streams are bound. etcd: monitorLeader. */
  private *monitorLeader(): Fiber<void> {
    const {env, electionTimeoutUs, hasLeader} = this.host;
    let leaderless = 0;
    while (this.leaderBound.size > 0) {
      yield* sleepUs(env.clock, electionTimeoutUs);
      leaderless = hasLeader() ? 0 : leaderless + 1;
      if (leaderless < LEADERLESS_MAX) continue;
      for (const call of this.leaderBound) call.cut(NO_LEADER);
      this.leaderBound.clear();
    }
  }

  *http(method: string, path: string): Fiber<{readonly status: number; readonly body: string}> {
    return yield* this.host.http(method, path);
  }

  /** newUnaryInterceptor, newStreamInterceptor. */
  private refuses(method: Method, request: object | undefined, call: OpenCall): CallFailure | undefined {
    const {isCapable, isLearner, hasLeader, learnerRefusalCode} = this.host;
    if (!isCapable()) return NOT_CAPABLE;
    if (isLearner() && !isServedByLearner(method, request)) return {code: learnerRefusalCode, message: ON_LEARNER};
    if (call.metadata.requiresLeader === true && !hasLeader()) return NO_LEADER;
    return undefined;
  }

  private unimplemented(method: Method): CallFailure {
    return {code: 'Unimplemented', message: this.host.unknownMethod(method)};
  }
}

/** Status, serializable ranges and the snapshot stream. etcd: isRPCSupportedForLearner. */
function isServedByLearner(method: Method, request: object | undefined): boolean {
  if (method === '/etcdserverpb.Maintenance/Status' || method === '/etcdserverpb.Maintenance/Snapshot') return true;
  return method === '/etcdserverpb.KV/Range' && (request as RangeRequest | undefined)?.serializable === true;
}

const refused = (failure: CallFailure): Answer<object> => ({kind: 'error', ...failure, effect: 'none'});
