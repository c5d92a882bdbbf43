// server-core/server/join.ts: a new member of a running cluster asks its members who they are before it begins: --initial-cluster-state
// existing. etcd: bootstrapExistingClusterNoWAL (NewServer before 3.6), GetClusterFromRemotePeers, ValidateClusterAndAssignIDs,
// isCompatibleWithCluster. Addresses are compared as texts: nothing resolves names here.
import type {ByteString} from '../../base/byte-string.ts';
import type {ClusterId} from '../../base/ids.ts';
import {formatId, toId64} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {MembershipBehaviours} from '../membership/behaviours.ts';
import type {Member} from '../membership/member.ts';
import {addressOf} from '../membership/member.ts';
import {ServerEnded} from '../membership/process-end.ts';
import {askPeer} from '../rafthttp/peer-http.ts';
import {versionBehaviours} from '../version/behaviours.ts';
import {parseMembersBody} from '../version/bodies.ts';
import type {MemberVersions} from '../version/decide.ts';
import {isCompatible} from '../version/decide.ts';
import type {ServerConfig} from './config.ts';
import {askVersions} from './version-monitor.ts';

/** How long one member may take to tell of the cluster. */
const ASK_TIMEOUT_US = 10_000_000;
/** How long a member of a cluster to be may take to tell whether it is one already. etcd: BootstrapTimeoutEffective. */
const BOOTSTRAP_TIMEOUT_US = 1_000_000;
/**
 * Replies of members have no headers here; what etcd sends as X-Etcd-Cluster-ID beside the list of members is asked for by this
 * query, in a request of its own.
 */
export const CLUSTER_ID_QUERY = '?x-etcd-cluster-id';

/** A running cluster as one of its members knows it. */
export interface RunningCluster {
  readonly clusterId: ClusterId;
  readonly members: readonly Member[];
}

/** Throws ServerEnded with what makes etcd refuse to join; otherwise the given members with the ids that they have there. */
export function* joinCluster(
  env: Env,
  config: ServerConfig,
  behaviours: MembershipBehaviours,
  named: readonly Member[],
): Fiber<RunningCluster> {
  const others = named.filter(({name}) => name !== config.name);
  const running = yield* askForCluster(env, others, ASK_TIMEOUT_US);
  if (running === undefined) {
    throw new ServerEnded(
      'cannot fetch cluster info from peer urls: could not retrieve cluster information from the given URLs',
    );
  }
  const members = withIdsOf(running, named, behaviours);
  const self = members.find(({name}) => name === config.name);
  const versions: (MemberVersions | undefined)[] = [];
  for (const member of members) {
    if (member.id !== self?.id) versions.push(yield* askVersions(env, member, ASK_TIMEOUT_US));
  }
  const asksForDowngrade = versionBehaviours(config.release).joinerAsksForDowngrade;
  const isDowngrading = asksForDowngrade && (yield* askForDowngrade(env, others));
  if (!isCompatible(config.release, isDowngrading, versions, config.nextClusterVersionCompatible)) {
    throw new ServerEnded('incompatible with current running cluster');
  }
  checkLearnerCount(config, behaviours, running.members);
  return {clusterId: running.clusterId, members};
}

/** Whatever a member begins with: too many learners end it, where the release looks. etcd: ValidateMaxLearnerConfig. */
export function checkLearnerCount(
  {maxLearners}: ServerConfig,
  {checksLearnersAtStart}: MembershipBehaviours,
  members: readonly {readonly isLearner: boolean}[],
): void {
  const learners = members.filter(({isLearner}) => isLearner).length;
  if (checksLearnersAtStart && learners > maxLearners) {
    throw new ServerEnded('membership: too many learner members in cluster');
  }
}

/**
 * Does one of the others know this member of a new cluster as one that has published itself? Only members that serve answer; in etcd
 * the port of one that starts takes the question and leaves it open, which costs up to a second and changes nothing else.
 * etcd: isMemberBootstrapped.
 */
export function* isBootstrapped(env: Env, named: readonly Member[], self: Member): Fiber<boolean> {
  const others = named.filter(({id}) => id !== self.id);
  const running = yield* askForCluster(env, others, BOOTSTRAP_TIMEOUT_US);
  return running?.members.some(({id, clientUrls}) => id === self.id && clientUrls.length > 0) === true;
}

/** The first of the others that tells of any members. */
function* askForCluster(env: Env, others: readonly Member[], timeoutUs: number): Fiber<RunningCluster | undefined> {
  const urls = others.flatMap(({peerUrls}) => peerUrls).sort();
  for (const url of urls) {
    const reply = yield* askPeer(env, addressOf(url), {path: '/members'}, timeoutUs);
    const members = reply?.status === 200 ? parseMembersBody(reply.body) : undefined;
    if (members === undefined || members.length === 0) continue;
    const id = yield* askPeer(env, addressOf(url), {path: `/members${CLUSTER_ID_QUERY}`}, timeoutUs);
    const text = new TextDecoder().decode(id?.body);
    if (/^[0-9a-f]{1,16}$/.test(text)) return {clusterId: toId64(text) as ClusterId, members};
  }
  return undefined;
}

/** The first of the others that answers: it has read linearizably. */
function* askForDowngrade(env: Env, others: readonly Member[]): Fiber<boolean> {
  for (const url of others.flatMap(({peerUrls}) => peerUrls)) {
    const reply = yield* askPeer(env, addressOf(url), {path: '/downgrade/enabled'}, ASK_TIMEOUT_US);
    const text = reply?.status === 200 ? new TextDecoder().decode(reply.body) : '';
    if (text === 'true' || text === 'false') return text === 'true';
  }
  return false;
}

function withIdsOf(running: RunningCluster, named: readonly Member[], behaviours: MembershipBehaviours): Member[] {
  const refuse = (reason: string) =>
    new ServerEnded(`error validating peerURLs ${describeCluster(running, behaviours)}: ${reason}`);
  if (running.members.length !== named.length) throw refuse('member count is unequal');
  return running.members.map((existing) => {
    const found = named.find(({peerUrls}) => sameUrls(peerUrls, existing.peerUrls));
    if (found === undefined) {
      const urls = existing.peerUrls.join(' ');
      throw refuse(`PeerURLs: no match found for existing member (${formatId(existing.id)}, [${urls}])`);
    }
    return {...found, id: existing.id};
  });
}

function sameUrls(a: readonly ByteString[], b: readonly ByteString[]): boolean {
  const [sortedA, sortedB] = [[...a].sort(), [...b].sort()];
  return sortedA.length === sortedB.length && sortedA.every((url, index) => url === sortedB[index]);
}

/** RaftCluster.String. */
function describeCluster({clusterId, members}: RunningCluster, {knowsLearners}: MembershipBehaviours): string {
  const described = members.map(({id, peerUrls, isLearner, name, clientUrls}) => {
    const learner = knowsLearners ? ` IsLearner:${isLearner}` : '';
    const raft = `RaftAttributes:{PeerURLs:[${peerUrls.join(' ')}]${learner}}`;
    return `&{ID:${formatId(id)} ${raft} Attributes:{Name:${name} ClientURLs:[${clientUrls.join(' ')}]}}`;
  });
  return `{ClusterID:${formatId(clusterId)} Members:[${described.join(' ')}] RemovedMemberIDs:[]}`;
}
