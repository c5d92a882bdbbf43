// server-core/server/downgrade-api.ts: Maintenance.Downgrade, and /downgrade/enabled on the peer port. etcd: v3_server.go Downgrade,
// version/version.go; etcdhttp/peer.go. Who may call is asked before. The leader's side of a job is in version-monitor.ts.
import {fromUtf8Text} from '../../base/byte-string.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {DowngradeRequest, DowngradeResponse} from '../etcdserverpb/maintenance-messages.ts';
import type {ResponseHeader} from '../etcdserverpb/types.ts';
import {NO_DOWNGRADE} from '../membership/backend-members.ts';
import type {Cluster} from '../membership/cluster.ts';
import {clusterVersionText} from '../membership/lower-check.ts';
import type {PeerHttpReply} from '../rafthttp/peer-http.ts';
import {textReply} from '../rafthttp/peer-http.ts';
import type {VersionBehaviours} from '../version/behaviours.ts';
import {oneMinorBelow, targetVersionOf} from '../version/decide.ts';
import {
  clusterVersionUnavailable,
  ERR_DOWNGRADE_IN_PROCESS,
  ERR_INVALID_DOWNGRADE_TARGET,
  ERR_NO_INFLIGHT_DOWNGRADE,
  ERR_WRONG_DOWNGRADE_FORMAT,
} from './cluster-errors.ts';
import type {ClusterProposals} from './cluster-proposals.ts';
import type {ServerError} from './errors.ts';
import {refusal} from './errors.ts';
import type {Answer} from './proposer.ts';

export interface DowngradeApiParts {
  readonly behaviours: VersionBehaviours;
  readonly cluster: Cluster;
  readonly proposals: ClusterProposals;
  readonly confirmRead: () => Fiber<ServerError | undefined>;
  /** With the current revision, as the Maintenance service fills it in. */
  readonly fullHeader: () => ResponseHeader;
}

export class DowngradeApi {
  private readonly parts: DowngradeApiParts;

  constructor(parts: DowngradeApiParts) {
    this.parts = parts;
  }

  *handle({action, version}: DowngradeRequest): Fiber<Answer<DowngradeResponse>> {
    const refused = yield* this.carryOut(action, version);
    return refused ?? {kind: 'ok', response: this.response()};
  }

  private *carryOut(action: DowngradeRequest['action'], version: string): Fiber<ServerError | undefined> {
    switch (action) {
      case 'validate':
        return yield* this.refusalOf(version);
      case 'enable':
        return yield* this.enable(version);
      case 'cancel': {
        const refused = yield* this.cancel();
        // 3.6 only logs why a cancel did not work.
        return this.parts.behaviours.downgradeCalls === 'as-3.6' ? undefined : refused;
      }
      default:
        return refusal('Unknown', 'etcdserver: unknown method');
    }
  }

  private *refusalOf(version: string): Fiber<ServerError | undefined> {
    const {behaviours, cluster, confirmRead} = this.parts;
    const target = targetVersionOf(version);
    if (target === undefined) return ERR_WRONG_DOWNGRADE_FORMAT;
    const unavailable = clusterVersionUnavailable(behaviours.versionUnavailableCode);
    if (behaviours.downgradeCalls === 'as-3.6' && cluster.version === undefined) return unavailable;
    // What is known of a job must not be stale.
    const unconfirmed = yield* confirmRead();
    if (unconfirmed !== undefined) return unconfirmed;
    if (cluster.version === undefined) return unavailable;
    if (target !== oneMinorBelow(cluster.version)) return ERR_INVALID_DOWNGRADE_TARGET;
    return cluster.downgrade.enabled ? ERR_DOWNGRADE_IN_PROCESS : undefined;
  }

  private *enable(version: string): Fiber<ServerError | undefined> {
    const refused = yield* this.refusalOf(version);
    const targetVersion = targetVersionOf(version);
    if (refused !== undefined || targetVersion === undefined) return refused ?? ERR_WRONG_DOWNGRADE_FORMAT;
    const answer = yield* this.parts.proposals.propose({kind: 'downgrade', job: {enabled: true, targetVersion}});
    return answer.kind === 'error' ? answer : undefined;
  }

  private *cancel(): Fiber<ServerError | undefined> {
    const {cluster, confirmRead, proposals} = this.parts;
    const unconfirmed = yield* confirmRead();
    if (unconfirmed !== undefined) return unconfirmed;
    if (!cluster.downgrade.enabled) return ERR_NO_INFLIGHT_DOWNGRADE;
    const answer = yield* proposals.propose({kind: 'downgrade', job: NO_DOWNGRADE});
    return answer.kind === 'error' ? answer : undefined;
  }

  private response(): DowngradeResponse {
    const {behaviours, cluster, fullHeader} = this.parts;
    const version = cluster.version ?? '';
    const shown = behaviours.downgradeCalls === 'as-3.6' && version !== '' ? clusterVersionText(version) : version;
    return {header: fullHeader(), version: fromUtf8Text(shown)};
  }

  /** GET /downgrade/enabled: `true` or `false`, read linearizably. */
  *handleEnabled(): Fiber<PeerHttpReply> {
    const unconfirmed = yield* this.parts.confirmRead();
    if (unconfirmed !== undefined) return textReply(500, `failed linearized read: ${unconfirmed.message}\n`);
    return textReply(200, String(this.parts.cluster.downgrade.enabled));
  }
}
