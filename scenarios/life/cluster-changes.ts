// scenarios/life/cluster-changes.ts: the operator's calls that change something: members, leadership, downgrade jobs, compaction. Each is
// asked again until it is done or its time is over, and looks first whether it is done already: an answer that was lost is not an error.
// A call that is to be refused is made once, and its refusal is held against the text that is wanted.
import type {MemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import {isServed} from '../../server-core/api/methods.ts';
import type {Failure, Success} from '../../server-core/client/client.ts';
import {
  memberAddRequest,
  memberPromoteRequest,
  memberRemoveRequest,
} from '../../server-core/etcdserverpb/cluster-messages.ts';
import {compactionRequestMessage} from '../../server-core/etcdserverpb/kv-messages.ts';
import type {StatusResponse} from '../../server-core/etcdserverpb/maintenance-messages.ts';
import {
  defragmentRequest,
  downgradeRequest,
  moveLeaderRequest,
  statusRequest,
} from '../../server-core/etcdserverpb/maintenance-messages.ts';
import type {Method} from '../../server-core/etcdserverpb/rpc.ts';
import type {RangeResponse} from '../../server-core/etcdserverpb/types.ts';
import {rangeRequest} from '../../server-core/etcdserverpb/types.ts';
import {minorOf, parseRelease} from '../../server-core/release/release.ts';
import type {Member, Members} from '../members.ts';
import {command, listMembers, peerUrl} from './operator-tools.ts';
import type {StepOf} from './steps.ts';

/** How long the operator waits before asking again. */
const AGAIN_US = 500_000;
/** One look at a member. */
const STATUS_TIMEOUT_US = 2_000_000;

const MOVE_LEADER: Method = '/etcdserverpb.Maintenance/MoveLeader';

type Trouble = string | undefined;

export interface ClusterChangesOptions {
  readonly members: Members;
  /** How long a change may take. */
  readonly stepUsMax: number;
}

export class ClusterChanges {
  /** The target of the downgrade job that was enabled, `3.5`; undefined: none, or it is over. */
  job: string | undefined;
  private readonly options: ClusterChangesOptions;

  constructor(options: ClusterChangesOptions) {
    this.options = options;
  }

  /** Voters that are wanted up: whom etcdctl is given as endpoints. */
  get endpoints(): string[] {
    const {members} = this.options;
    return members.all.filter((one) => one.isWanted && one.standing === 'voter').map(({name}) => name);
  }

  *add(
    env: Env,
    member: Member,
    {release, learner, refused, through}: Pick<StepOf<'add'>, 'release' | 'learner' | 'refused' | 'through'>,
  ): Fiber<Trouble> {
    const url = peerUrl(member.name);
    const request = memberAddRequest.make({peerUrls: [url], isLearner: learner});
    const trouble = yield* this.change(
      env,
      '/etcdserverpb.Cluster/MemberAdd',
      () => request,
      refused,
      (urls) => urls.has(url),
      {through},
    );
    if (trouble !== undefined || refused !== undefined) return trouble;
    member.release = release;
    member.standing = learner ? 'learner' : 'voter';
    return undefined;
  }

  *promote(env: Env, member: Member, refused: string | undefined): Fiber<Trouble> {
    const url = peerUrl(member.name);
    const trouble = yield* this.change(
      env,
      '/etcdserverpb.Cluster/MemberPromote',
      (members) => memberPromoteRequest.make({id: members.get(url)?.id as MemberId}),
      refused,
      (members) => members.get(url)?.isLearner === false,
    );
    if (trouble === undefined && refused === undefined) member.standing = 'voter';
    return trouble;
  }

  *remove(env: Env, member: Member, refused: string | undefined): Fiber<Trouble> {
    const url = peerUrl(member.name);
    const trouble = yield* this.change(
      env,
      '/etcdserverpb.Cluster/MemberRemove',
      (members) => memberRemoveRequest.make({id: members.get(url)?.id as MemberId}),
      refused,
      (members) => !members.has(url),
      {
        begins: () => {
          // From here on the supervisor is not to start it again: it would only be told that it is out.
          if (refused === undefined) member.isHeld = true;
        },
      },
    );
    if (trouble === undefined && refused === undefined) member.standing = 'outside';
    return trouble;
  }

  /** A change of the member list; `isDone` looks at it by peer URL. */
  private *change(
    env: Env,
    method: Method,
    request: (members: Listed) => object,
    refused: string | undefined,
    isDone: (members: Listed) => boolean,
    {begins, through}: ChangeOptions = {},
  ): Fiber<Trouble> {
    return yield* this.again(
      env,
      function* (endpoints) {
        const listed = yield* listMembers(env, endpoints);
        if (typeof listed === 'string') return listed;
        const byUrl: Listed = new Map(listed.map((one) => [one.peerUrls[0] ?? '', one]));
        if (refused === undefined && isDone(byUrl)) return undefined;
        begins?.();
        const asked = through === undefined ? endpoints : [through];
        return refusalOr(yield* command(env, asked, method, request(byUrl)), refused);
      },
      refused !== undefined,
    );
  }

  *moveLeader(env: Env, to: Member): Fiber<Trouble> {
    const operator = this;
    return yield* this.again(env, function* (endpoints) {
      const leader = yield* operator.leaderName(env);
      if (leader === to.name) return undefined;
      if (leader === undefined) return 'nobody leads';
      // Before 3.3 leadership cannot be moved by hand: the step is left out, and a stop hands it on.
      if (!isServed(operator.options.members.named(leader).release, MOVE_LEADER)) return undefined;
      const listed = yield* listMembers(env, endpoints);
      const target = typeof listed === 'string' ? undefined : listed.find(({name}) => name === to.name);
      if (target === undefined) return `${to.name} is not in the member list`;
      const request = moveLeaderRequest.make({targetId: target.id});
      return refusalOr(yield* command(env, [leader], MOVE_LEADER, request));
    });
  }

  *defragment(env: Env, {name}: Member): Fiber<Trouble> {
    return yield* this.again(env, function* () {
      return refusalOr(yield* command(env, [name], '/etcdserverpb.Maintenance/Defragment', defragmentRequest.make()));
    });
  }

  *compact(env: Env, physical: boolean): Fiber<Trouble> {
    return yield* this.again(env, function* (endpoints) {
      const read = yield* command<RangeResponse>(env, endpoints, '/etcdserverpb.KV/Range', rangeRequest('k'));
      if (read.kind === 'error') return refusalOr(read);
      const request = compactionRequestMessage.make({revision: read.response.header.revision, physical});
      const answer = yield* command(env, endpoints, '/etcdserverpb.KV/Compact', request);
      // The answer to an earlier try was lost.
      if (answer.kind === 'error' && answer.message.includes('has been compacted')) return undefined;
      return refusalOr(answer);
    });
  }

  *downgrade(env: Env, {action, to, refused}: StepOf<'downgrade'>): Fiber<Trouble> {
    const request = downgradeRequest.make({action, version: action === 'cancel' ? '' : to});
    const target = parseRelease(to) === undefined ? to : minorOf(to);
    const trouble = yield* this.again(
      env,
      function* (endpoints) {
        const answer = yield* command(env, endpoints, '/etcdserverpb.Maintenance/Downgrade', request);
        const isAgain = action === 'enable' && refused === undefined && answer.kind === 'error';
        if (isAgain && answer.message.includes('has a downgrade job in progress')) return undefined;
        return refusalOr(answer, refused);
      },
      refused !== undefined,
    );
    if (trouble !== undefined || refused !== undefined) return trouble;
    if (action === 'enable') this.job = target;
    if (action === 'cancel') this.job = undefined;
    return undefined;
  }

  /** Who leads, as members say of themselves; undefined: nobody does. */
  *leaderName(env: Env): Fiber<string | undefined> {
    for (const name of this.endpoints) {
      const status = yield* command<StatusResponse>(
        env,
        [name],
        '/etcdserverpb.Maintenance/Status',
        statusRequest.make(),
        STATUS_TIMEOUT_US,
      );
      if (status.kind === 'error') continue;
      if (status.response.leader === status.response.header?.memberId) return name;
    }
    return undefined;
  }

  private *again(env: Env, act: (endpoints: readonly string[]) => Fiber<Trouble>, isOnce = false): Fiber<Trouble> {
    const endUs = env.clock.monotonicUs() + this.options.stepUsMax;
    for (;;) {
      const {endpoints} = this;
      const trouble = endpoints.length === 0 ? 'no member runs' : yield* act(endpoints);
      if (trouble === undefined || isOnce || env.clock.monotonicUs() >= endUs) return trouble;
      yield* sleepUs(env.clock, AGAIN_US);
    }
  }
}

interface ChangeOptions {
  /** Told before the call is made. */
  readonly begins?: () => void;
  /** The member that is asked; undefined: any. */
  readonly through?: string | undefined;
}

type Listed = ReadonlyMap<string, {readonly id: MemberId; readonly isLearner: boolean}>;

/** Nothing where the call did what was wanted of it. */
function refusalOr(answer: Success<object> | Failure, refused?: string): Trouble {
  if (refused === undefined) return answer.kind === 'ok' ? undefined : `${answer.code}: ${answer.message}`;
  if (answer.kind === 'ok') return `was not refused with '${refused}'`;
  return answer.message.includes(refused) ? undefined : `was refused with '${answer.message}' instead of '${refused}'`;
}
