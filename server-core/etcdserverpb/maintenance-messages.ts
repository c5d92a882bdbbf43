// server-core/etcdserverpb/maintenance-messages.ts: the Maintenance service's messages. Source: rpc.proto at v3.6.0.
import {headerOnly, responseHeader} from './header-message.ts';
import type {MessageOf} from './message.ts';
import {blob, bool, int, list, memberId, message, nested, oneOf, text, texts} from './message.ts';

export const ALARM_TYPES = ['none', 'nospace', 'corrupt'] as const;

export const alarmRequest = message({
  action: oneOf(1, ['get', 'activate', 'deactivate']),
  memberId: memberId(2),
  alarm: oneOf(3, ALARM_TYPES),
});
/** Also the key of bucket `alarm`, encoded. */
export const alarmMember = message({memberId: memberId(1), alarm: oneOf(2, ALARM_TYPES)});
export const alarmResponse = message({header: nested(1, responseHeader), alarms: list(2, alarmMember)});
export const downgradeRequest = message({action: oneOf(1, ['validate', 'enable', 'cancel']), version: text(2)});
export const downgradeResponse = message({header: nested(1, responseHeader), version: text(2)});
/** membershippb.DowngradeInfoSetRequest, ClusterVersionSetRequest: through raft. */
export const downgradeInfoSetRequest = message({enabled: bool(1), ver: text(2)});
export const clusterVersionSetRequest = message({ver: text(1)});
export const downgradeVersionTestRequest = message({ver: text(1)});
export const statusRequest = message({});
export const downgradeInfo = message({enabled: bool(1), targetVersion: text(2)});
export const statusResponse = message({
  header: nested(1, responseHeader),
  version: text(2),
  dbSize: int(3),
  leader: memberId(4),
  raftIndex: int(5),
  raftTerm: int(6),
  raftAppliedIndex: int(7),
  errors: texts(8),
  dbSizeInUse: int(9),
  isLearner: bool(10),
  storageVersion: text(11),
  dbSizeQuota: int(12),
  downgradeInfo: nested(13, downgradeInfo),
});
export const defragmentRequest = message({});
export const hashRequest = message({});
export const hashResponse = message({header: nested(1, responseHeader), hash: int(2)});
export const hashKvRequest = message({revision: int(1)});
export const hashKvResponse = message({
  header: nested(1, responseHeader),
  hash: int(2),
  compactRevision: int(3),
  hashRevision: int(4),
});
export const snapshotRequest = message({});
export const snapshotResponse = message({
  header: nested(1, responseHeader),
  remainingBytes: int(2),
  blob: blob(3),
  version: text(4),
});
export const moveLeaderRequest = message({targetId: memberId(1)});
export const maintenanceHeaderResponse = headerOnly;

export type AlarmType = (typeof ALARM_TYPES)[number];
export type AlarmRequest = MessageOf<typeof alarmRequest>;
export type AlarmMember = MessageOf<typeof alarmMember>;
export type AlarmResponse = MessageOf<typeof alarmResponse>;
export type DowngradeRequest = MessageOf<typeof downgradeRequest>;
export type DowngradeResponse = MessageOf<typeof downgradeResponse>;
export type DowngradeInfoSetRequest = MessageOf<typeof downgradeInfoSetRequest>;
export type ClusterVersionSetRequest = MessageOf<typeof clusterVersionSetRequest>;
export type StatusResponse = MessageOf<typeof statusResponse>;
export type HashResponse = MessageOf<typeof hashResponse>;
export type HashKvRequest = MessageOf<typeof hashKvRequest>;
export type HashKvResponse = MessageOf<typeof hashKvResponse>;
export type SnapshotResponse = MessageOf<typeof snapshotResponse>;
export type MoveLeaderRequest = MessageOf<typeof moveLeaderRequest>;
