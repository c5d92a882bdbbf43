// server-core/server/cluster-api.ts: the Cluster service, and the plain HTTP that members answer each other about the cluster.
// etcd: v3rpc/member.go; server.go AddMember, RemoveMember, PromoteMember, UpdateMember; etcdhttp/peer.go. Only the leader knows
// whether a learner is ready, so a follower sends a promotion on over HTTP, without its client's token (issue 20792).
import type {ByteString} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER, toMemberId} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import {after, select, sleepUs} from '../../env/fiber.ts';
import type {Cell} from '../../env/sync.ts';
import type {GuardedCall} from '../auth/behaviours.ts';
import type {
  MemberAddRequest,
  MemberAddResponse,
  MemberListRequest,
  MemberPromoteRequest,
  MemberRemoveRequest,
  MembersResponse,
  MemberUpdateRequest,
} from '../etcdserverpb/cluster-messages.ts';
import type {ResponseHeader} from '../etcdserverpb/types.ts';
import type {Cluster} from '../membership/cluster.ts';
import {addedMemberIdOf} from '../membership/identity.ts';
import type {Member} from '../membership/member.ts';
import {addressOf, encodeMember, encodePromotion, jsonBytes} from '../membership/member.ts';
import {parsePeerUrls} from '../membership/peer-urls.ts';
import type {ReconfigBehaviours, ReconfigView} from '../membership/reconfig-check.ts';
import {additionRefusal, isLearnerReady, promotionRefusal, removalRefusal} from '../membership/reconfig-check.ts';
import type {PeerHttpReply, PeerHttpRequest} from '../rafthttp/peer-http.ts';
import {askPeer, textReply} from '../rafthttp/peer-http.ts';
import type {ConfChange, ConfChangeType} from '../raftpb/types.ts';
import {membersBody, parseMembersBody} from '../version/bodies.ts';
import {
  CLUSTER_SERVER_ERRORS,
  ERR_LEARNER_NOT_READY,
  ERR_MEMBER_BAD_URLS,
  ERR_MEMBER_NOT_FOUND,
  ERR_MEMBER_NOT_LEARNER,
  RECONFIG_ERRORS,
} from './cluster-errors.ts';
import type {ClusterProposals} from './cluster-proposals.ts';
import type {ServerConfig} from './config.ts';
import {requestTimeoutUs} from './config.ts';
import type {ServerError} from './errors.ts';
import {ERR_NO_LEADER, ERR_NOT_LEADER, ERR_TIMEOUT} from './errors.ts';
import type {Answer} from './proposer.ts';
import type {RaftLoop} from './raft-loop.ts';

/** HealthInterval: so long a peer must have been connected to count as healthy. */
const HEALTH_INTERVAL_US = 5_000_000;
const PROMOTE_PREFIX = '/members/promote/';

export interface ClusterApiParts {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly id: MemberId;
  readonly behaviours: ReconfigBehaviours;
  readonly cluster: Cluster;
  readonly proposals: ClusterProposals;
  readonly raft: RaftLoop;
  readonly leader: Cell<MemberId>;
  /** Since when a peer's streams are up; undefined while they are not. */
  readonly activeSinceUs: (id: MemberId) => number | undefined;
  readonly confirmRead: () => Fiber<ServerError | undefined>;
  /** Waits until this member has applied what it knows to be committed. */
  readonly waitApplied: () => Fiber<ServerError | undefined>;
  readonly permit: (call: GuardedCall, token: string | undefined) => Fiber<ServerError | undefined>;
  readonly header: () => Omit<ResponseHeader, 'revision'>;
}

export class ClusterApi {
  private readonly parts: ClusterApiParts;

  constructor(parts: ClusterApiParts) {
    this.parts = parts;
  }

  /** Cluster.MemberList; linearizable where the release knows that and it is asked for. */
  *memberList({linearizable}: MemberListRequest, token?: string): Fiber<Answer<MembersResponse>> {
    const refused = yield* this.parts.permit('member-list', token);
    if (refused !== undefined) return refused;
    if (linearizable && this.parts.behaviours.promotionWaitsForApply) {
      const unconfirmed = yield* this.parts.confirmRead();
      if (unconfirmed !== undefined) return unconfirmed;
    }
    return this.respond(this.parts.cluster.members());
  }

  /** Cluster.MemberAdd. The id follows from the URLs and the second in which it is asked for. */
  *memberAdd({peerUrls, isLearner}: MemberAddRequest, token?: string): Fiber<Answer<MemberAddResponse>> {
    const {env, behaviours} = this.parts;
    const urls = parsePeerUrls(peerUrls);
    if (urls === undefined) return ERR_MEMBER_BAD_URLS;
    const refused = yield* this.parts.permit('member-change', token);
    if (refused !== undefined) return refused;
    const asLearner = isLearner && behaviours.knowsLearners;
    if (this.parts.config.strictReconfigCheck) {
      const unready = additionRefusal(behaviours, this.view(), asLearner);
      if (unready !== undefined) return RECONFIG_ERRORS[unready];
    }
    const id = addedMemberIdOf(urls, Math.floor(env.clock.wallUs() / 1_000_000));
    const member: Member = {id, peerUrls: urls, isLearner: asLearner, name: '', clientUrls: []};
    const type = asLearner ? 'ConfChangeAddLearnerNode' : 'ConfChangeAddNode';
    const members = yield* this.change(type, id, encodeMember(member));
    if ('kind' in members) return members;
    return {
      kind: 'ok',
      response: {header: this.header(), member: messageOf(member), members: this.told(members).map(messageOf)},
    };
  }

  /** Cluster.MemberRemove. */
  *memberRemove({id}: MemberRemoveRequest, token?: string): Fiber<Answer<MembersResponse>> {
    const refused = yield* this.parts.permit('member-change', token);
    if (refused !== undefined) return refused;
    if (this.parts.config.strictReconfigCheck) {
      const {behaviours, id: localId, activeSinceUs} = this.parts;
      const isActive = (peer: MemberId) => activeSinceUs(peer) !== undefined;
      const unready = removalRefusal(behaviours, {...this.view(), localId, isActive}, id);
      if (unready !== undefined) return RECONFIG_ERRORS[unready];
    }
    return this.respondToChange(yield* this.change('ConfChangeRemoveNode', id, undefined));
  }

  /** Cluster.MemberUpdate. etcd looks at the URLs only when a peer's are changed in the transport. */
  *memberUpdate({id, peerUrls}: MemberUpdateRequest, token?: string): Fiber<Answer<MembersResponse>> {
    const refused = yield* this.parts.permit('member-change', token);
    if (refused !== undefined) return refused;
    const member: Member = {id, peerUrls, isLearner: false, name: '', clientUrls: []};
    return this.respondToChange(yield* this.change('ConfChangeUpdateNode', id, encodeMember(member)));
  }

  /** Cluster.MemberPromote: here if this member leads, else at the leader. */
  *memberPromote({id}: MemberPromoteRequest, token?: string): Fiber<Answer<MembersResponse>> {
    const members = yield* this.promoteHere(id, token);
    if (members !== ERR_NOT_LEADER) return this.respond(members);
    this.parts.env.trace.mark('cluster: promotion sent on to the leader');
    return this.respond(yield* this.promoteAtLeader(id));
  }

  private *promoteHere(id: MemberId, token: string | undefined): Fiber<readonly Member[] | ServerError> {
    const refused = (yield* this.parts.permit('member-change', token)) ?? (yield* this.learnerRefusal(id));
    if (refused !== undefined) return refused;
    if (this.parts.config.strictReconfigCheck) {
      const unready = promotionRefusal(this.view());
      if (unready !== undefined) return RECONFIG_ERRORS[unready];
    }
    return yield* this.change('ConfChangeAddNode', id, encodePromotion(id));
  }

  /** isLearnerReady: the leader compares logs. */
  private *learnerRefusal(id: MemberId): Fiber<ServerError | undefined> {
    const {behaviours, raft, id: localId} = this.parts;
    if (behaviours.promotionWaitsForApply) {
      const late = yield* this.parts.waitApplied();
      if (late !== undefined) return late;
    }
    if (raft.node.role !== 'leader') return ERR_NOT_LEADER;
    const {progress} = raft.node.status();
    const learner = progress.find((member) => member.id === id);
    if (learner === undefined) return behaviours.promotionWaitsForApply ? ERR_MEMBER_NOT_FOUND : undefined;
    const leaderMatch = progress.find((member) => member.id === localId)?.match ?? 0;
    return isLearnerReady(learner.match, leaderMatch) ? undefined : ERR_LEARNER_NOT_READY;
  }

  /** Again and again as long as a request may take, unless the leader's word is final. */
  private *promoteAtLeader(id: MemberId): Fiber<readonly Member[] | ServerError> {
    const {env, config, cluster, leader} = this.parts;
    const endUs = env.clock.monotonicUs() + requestTimeoutUs(config);
    while (env.clock.monotonicUs() < endUs) {
      const leftUs = endUs - env.clock.monotonicUs();
      yield* select(env, {known: leader.satisfies((now) => now !== NO_MEMBER), deadline: after(env.clock, leftUs)});
      const urls = cluster.member(leader.value)?.peerUrls ?? [];
      if (urls.length === 0) return ERR_NO_LEADER;
      for (const url of urls) {
        const outcome = yield* this.askLeader(url, id, Math.max(1, endUs - env.clock.monotonicUs()));
        if (outcome !== undefined) return outcome;
      }
      // etcd asks again at once; here a refusal costs no time, and the loop must not stand still.
      yield* sleepUs(env.clock, config.tickMs * 1000);
    }
    return ERR_TIMEOUT;
  }

  /** promoteMemberHTTP: undefined where it is worth another try. */
  private *askLeader(
    url: ByteString,
    id: MemberId,
    timeoutUs: number,
  ): Fiber<readonly Member[] | ServerError | undefined> {
    const path = `${PROMOTE_PREFIX}${BigInt(`0x${id}`)}`;
    const reply = yield* askPeer(this.parts.env, addressOf(url), {method: 'POST', path}, timeoutUs);
    if (reply === undefined) return undefined;
    if (reply.status === 200) return parseMembersBody(reply.body);
    if (reply.status === 404) return ERR_MEMBER_NOT_FOUND;
    const text = new TextDecoder().decode(reply.body);
    if (reply.status !== 412) return undefined;
    if (text.includes(ERR_LEARNER_NOT_READY_TEXT)) return ERR_LEARNER_NOT_READY;
    return text.includes(ERR_NOT_LEARNER_TEXT) ? ERR_MEMBER_NOT_LEARNER : undefined;
  }

  /** GET /members on the peer port. */
  membersBody(): string {
    return membersBody(this.parts.cluster.members());
  }

  /** POST /members/promote/<id> on the peer port. */
  *handlePromote({path, method}: PeerHttpRequest): Fiber<PeerHttpReply> {
    if (method !== 'POST') return textReply(405, 'Method Not Allowed\n');
    const text = path.slice(PROMOTE_PREFIX.length);
    if (!/^\d{1,20}$/.test(text)) return textReply(404, `member ${text} not found in cluster\n`);
    const answer = yield* this.promoteForPeer(toMemberId(BigInt(text).toString(16)));
    if (!('kind' in answer)) return textReply(200, membersBody(answer));
    if (answer === ERR_MEMBER_NOT_FOUND) return textReply(404, 'membership: ID not found\n');
    if (answer === ERR_MEMBER_NOT_LEARNER) return textReply(412, `${ERR_NOT_LEARNER_TEXT}\n`);
    if (answer === ERR_LEARNER_NOT_READY) return textReply(412, `${ERR_LEARNER_NOT_READY_TEXT}\n`);
    return textReply(500, '{"message":"Internal Server Error"}');
  }

  private *promoteForPeer(id: MemberId): Fiber<readonly Member[] | ServerError> {
    const members = yield* this.promoteHere(id, undefined);
    return members === ERR_NOT_LEADER ? yield* this.promoteAtLeader(id) : members;
  }

  private *change(
    type: ConfChangeType,
    nodeId: MemberId,
    context: string | undefined,
  ): Fiber<readonly Member[] | ServerError> {
    const change: Omit<ConfChange, 'id'> = {
      type,
      nodeId,
      context: context === undefined ? undefined : jsonBytes(context),
    };
    const outcome = yield* this.parts.proposals.proposeChange(change);
    if ('kind' in outcome) return outcome;
    return outcome.error === undefined ? outcome.members : CLUSTER_SERVER_ERRORS[outcome.error];
  }

  private view(): ReconfigView {
    const {env, cluster, id, activeSinceUs} = this.parts;
    const sinceUs = env.clock.monotonicUs() - HEALTH_INTERVAL_US;
    return {
      members: cluster.members(),
      isConnected: (peer) => peer === id || (activeSinceUs(peer) ?? Number.POSITIVE_INFINITY) < sinceUs,
    };
  }

  private respondToChange(members: readonly Member[] | ServerError): Answer<MembersResponse> {
    return this.respond('kind' in members ? members : this.told(members));
  }

  /** What the release tells of the members behind a change. */
  private told(members: readonly Member[]): readonly Member[] {
    return this.parts.behaviours.tellsMembers ? members : [];
  }

  private respond(members: readonly Member[] | ServerError): Answer<MembersResponse> {
    if ('kind' in members) return members;
    return {kind: 'ok', response: {header: this.header(), members: members.map(messageOf)}};
  }

  /** Without a revision: v3rpc/member.go makes its own header. */
  private header(): ResponseHeader {
    return {...this.parts.header(), revision: 0};
  }
}

/** etcdserver.ErrLearnerNotReady, membership.ErrMemberNotLearner. */
const ERR_LEARNER_NOT_READY_TEXT = 'etcdserver: can only promote a learner member which is in sync with leader';
const ERR_NOT_LEARNER_TEXT = 'membership: can only promote a learner member';

const messageOf = ({id, name, peerUrls, clientUrls, isLearner}: Member) => ({
  id,
  name,
  peerUrls,
  clientUrls,
  isLearner,
});
