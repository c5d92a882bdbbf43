// server-core/server/maintenance-api.ts: the Maintenance service: alarms, status, hashes, defragmentation, snapshots, leadership.
// etcd: api/v3rpc/maintenance.go, v3_server.go Alarm, server.go MoveLeader. Who may call what is asked of MaintenanceHost.permit,
// whose errors leave as they are: the real service does not translate them.
import {sha256} from '@noble/hashes/sha2.js';
import {fromUtf8Text} from '../../base/byte-string.ts';
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import type {Env} from '../../env/env.ts';
import type {Fiber} from '../../env/fiber.ts';
import type {GuardedCall} from '../auth/behaviours.ts';
import type {
  AlarmMember,
  AlarmRequest,
  AlarmResponse,
  HashKvRequest,
  HashKvResponse,
  HashResponse,
  MoveLeaderRequest,
  SnapshotResponse,
  StatusResponse,
} from '../etcdserverpb/maintenance-messages.ts';
import {alarmResponse, hashKvResponse, snapshotResponse, statusResponse} from '../etcdserverpb/maintenance-messages.ts';
import type {Cluster} from '../membership/cluster.ts';
import {isRefusal} from '../mvcc/errors.ts';
import type {Applier} from './applier.ts';
import type {ServerBehaviours} from './behaviours.ts';
import type {ServerConfig} from './config.ts';
import type {ServerError} from './errors.ts';
import {ERR_NOT_LEADER, refusal} from './errors.ts';
import {transferLeader} from './leader-transfer.ts';
import type {Answer, Proposer} from './proposer.ts';
import type {RaftLoop} from './raft-loop.ts';

/** snapshotSendBufferSize. */
const SNAPSHOT_CHUNK_SIZE = 32 * 1024;

export interface MaintenanceHost {
  readonly env: Env;
  readonly config: ServerConfig;
  readonly behaviours: ServerBehaviours;
  readonly applier: Applier;
  readonly proposer: Proposer;
  readonly raft: RaftLoop;
  readonly cluster: Cluster;
  readonly id: MemberId;
  readonly leader: () => MemberId;
  readonly appliedIndex: () => number;
  readonly committedIndex: () => number;
  readonly isLearner: () => boolean;
  /** The storage version as text; '' where this release tells none. */
  readonly storageVersion: () => string;
  readonly downgrade: () => {readonly enabled: boolean; readonly targetVersion: string};
  /** May the owner of the token make the call? */
  readonly permit: (call: GuardedCall, token: string | undefined) => Fiber<ServerError | undefined>;
}

export class MaintenanceApi {
  private readonly host: MaintenanceHost;

  constructor(host: MaintenanceHost) {
    this.host = host;
  }

  /** Maintenance.Alarm: also a look at the alarms goes through raft. */
  *alarm(request: AlarmRequest, token?: string): Fiber<Answer<AlarmResponse>> {
    const {behaviours, proposer, permit} = this.host;
    const refused = yield* permit(request.action === 'get' ? 'alarm-get' : 'alarm-change', token);
    if (refused !== undefined) return refused;
    const answer = yield* proposer.propose<AlarmResponse>({kind: 'alarm', request}, token);
    if (answer.kind === 'error') {
      return behaviours.alarmAnswersAreRaw ? raw(answer) : answer;
    }
    const header = behaviours.alarmAnswersAreRaw ? undefined : proposer.header();
    return {kind: 'ok', response: alarmResponse.make({...answer.response, header})};
  }

  /** Raises NOSPACE in this member's name and waits until that is applied. */
  *raiseNoSpace(): Fiber<void> {
    const request: AlarmRequest = {action: 'activate', memberId: this.host.id, alarm: 'nospace'};
    yield* this.host.proposer.proposeAs({kind: 'alarm', request}, undefined);
  }

  /** Maintenance.Status: what this member knows, asked of nobody else. */
  *status(token?: string): Fiber<Answer<StatusResponse>> {
    const {host} = this;
    const {behaviours, proposer, applier, config, raft} = host;
    const refused = yield* host.permit('status', token);
    if (refused !== undefined) return refused;
    yield* applier.readable();
    const {backend, alarms, quota} = applier;
    const header = proposer.header();
    const base = {
      header,
      version: fromUtf8Text(config.release),
      dbSize: backend.sizeBytes,
      leader: host.leader(),
      raftIndex: host.committedIndex(),
      raftTerm: raft.node.term,
    };
    if (!behaviours.statusIsDetailed) return ok(statusResponse.make(base));
    const errors = host.leader() === NO_MEMBER ? ['etcdserver: no leader'] : [];
    for (const alarm of alarms.list('none')) errors.push(describeAlarm(alarm, behaviours.printsLikeProtobufGo));
    const detailed = {
      ...base,
      raftAppliedIndex: host.appliedIndex(),
      errors,
      dbSizeInUse: backend.sizeInUseBytes,
      isLearner: host.isLearner(),
    };
    if (!behaviours.statusTellsStorage) return ok(statusResponse.make(detailed));
    return ok(
      statusResponse.make({
        ...detailed,
        storageVersion: host.storageVersion(),
        dbSizeQuota: behaviours.statusTellsQuotaInForce ? (quota.limitBytes ?? -1) : config.quotaBackendBytes,
        downgradeInfo: host.downgrade(),
      }),
    );
  }

  /** Maintenance.Hash: of every bucket, as of the last commit, which is made first. */
  *hash(token?: string): Fiber<Answer<HashResponse>> {
    const {applier, proposer, permit} = this.host;
    const refused = yield* permit('hash', token);
    if (refused !== undefined) return refused;
    yield* applier.backend.commit();
    const hash = applier.backend.hash(isLeftOutOfHash);
    return ok({header: proposer.header(applier.store.currentRevision), hash});
  }

  /** Maintenance.HashKV. */
  *hashKv(request: HashKvRequest, token?: string): Fiber<Answer<HashKvResponse>> {
    const {applier, proposer, behaviours, permit} = this.host;
    const refused = yield* permit('hash-kv', token);
    if (refused !== undefined) return refused;
    yield* applier.readable();
    const revision = applier.store.currentRevision;
    const result = applier.store.hashKv(request.revision);
    if (isRefusal(result)) return result;
    const {hash, compactRevision} = result;
    const hashRevision = behaviours.statusTellsStorage ? result.revision : 0;
    return ok(hashKvResponse.make({header: proposer.header(revision), hash, compactRevision, hashRevision}));
  }

  /** Maintenance.Defragment: reads and writes of this member wait meanwhile. Its answer has no header. */
  *defragment(token?: string): Fiber<Answer<object>> {
    const refused = yield* this.host.permit('defragment', token);
    if (refused !== undefined) return refused;
    yield* this.host.applier.backend.defrag();
    return ok({header: undefined});
  }

  /** Maintenance.MoveLeader: asked of the leader, answered when it sees the new one. No header either. */
  *moveLeader({targetId}: MoveLeaderRequest, token?: string): Fiber<Answer<object>> {
    const {env, behaviours, cluster, config, raft, id, leader, permit} = this.host;
    const refused = yield* permit('move-leader', token);
    if (refused !== undefined) return refused;
    if (leader() !== id) return ERR_NOT_LEADER;
    const target = cluster.members().find((member) => member.id === targetId);
    if (behaviours.moveLeaderChecksTarget && (target === undefined || target.isLearner)) {
      return refusal('FailedPrecondition', 'etcdserver: bad leader transferee');
    }
    if (!(yield* transferLeader({env, config, raft, leader}, targetId))) {
      return refusal('Unknown', 'etcdserver: request timed out, leader transfer took too long');
    }
    return ok({header: undefined});
  }

  /** Maintenance.Snapshot: the database in chunks, and its SHA-256 behind it. */
  *snapshot(
    send: (response: SnapshotResponse) => Fiber<boolean>,
    token?: string,
  ): Fiber<{readonly code: ServerError['code']; readonly message: string} | undefined> {
    const {applier, behaviours, permit, storageVersion} = this.host;
    const refused = yield* permit('snapshot', token);
    if (refused !== undefined) return {code: refused.code, message: refused.message};
    const version = behaviours.statusTellsStorage ? storageVersion() : '';
    const db = yield* applier.backend.snapshotBytes();
    for (let at = 0; at < db.length; at += SNAPSHOT_CHUNK_SIZE) {
      const blob = db.subarray(at, at + SNAPSHOT_CHUNK_SIZE);
      const remainingBytes = db.length - at - blob.length;
      if (!(yield* send(snapshotResponse.make({remainingBytes, blob, version})))) return undefined;
    }
    yield* send(snapshotResponse.make({blob: sha256(db), version}));
    return undefined;
  }
}

/** Not part of the state that members share: meta's consistent_index, term and storage version. etcd: DefaultIgnores. */
function isLeftOutOfHash(bucket: string, key: string): boolean {
  return bucket === 'meta' && (key === 'consistent_index' || key === 'term' || key === 'storageVersion');
}

/**
 * As gogo prints an AlarmMember: the id in decimals, a blank behind each field. protobuf-go puts blanks between them: one or
 * two, by the build; here one.
 */
function describeAlarm({memberId, alarm}: AlarmMember, isProtobufGo: boolean): string {
  const member = memberId === NO_MEMBER ? '' : `memberID:${BigInt(`0x${memberId}`).toString()} `;
  const name = typeof alarm === 'number' ? String(alarm) : alarm.toUpperCase();
  const text = alarm === 'none' ? member : `${member}alarm:${name} `;
  return isProtobufGo ? text.trimEnd() : text;
}

/** An error as it was before the API gave it a code: some parts word it otherwise inside. */
function raw(answer: ServerError & {readonly plainText?: string}): ServerError {
  return {...answer, code: 'Unknown', message: answer.plainText ?? answer.message};
}

const ok = <Response>(response: Response): Answer<Response> => ({kind: 'ok', response});
