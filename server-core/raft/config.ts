// server-core/raft/config.ts: a configuration checked and made complete. etcd: Config.validate.
import {InvariantError} from '../../base/assert.ts';
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER} from '../../base/ids.ts';
import {LOCAL_APPEND_THREAD, LOCAL_APPLY_THREAD} from '../raftpb/types.ts';
import type {Config, RaftDefects} from './types.ts';
import {NO_LIMIT, SILENT_LOGGER} from './types.ts';

/** Config with every default filled in. */
export type CompleteConfig = Readonly<Required<Config>>;

const NO_DEFECTS: RaftDefects = Object.freeze({});

/** raft.IsLocalMsgTarget: one of the member's own storage threads. */
export function isStorageThread(id: MemberId): boolean {
  return id === LOCAL_APPEND_THREAD || id === LOCAL_APPLY_THREAD;
}

/** Checks and completes; throws InvariantError with the text of the Go error. */
export function qualifyConfig(config: Config): CompleteConfig {
  refuse(config.id === NO_MEMBER, 'cannot use none as id');
  refuse(isStorageThread(config.id), 'cannot use local target as id');
  refuse(config.heartbeatTicks <= 0, 'heartbeat tick must be greater than 0');
  refuse(config.electionTicks <= config.heartbeatTicks, 'election tick must be greater than heartbeat tick');
  refuse(config.maxInflightMsgs <= 0, 'max inflight messages must be greater than 0');
  const maxInflightBytes = config.maxInflightBytes || NO_LIMIT;
  refuse(maxInflightBytes < config.maxSizePerMsg, 'max inflight bytes must be >= max message size');
  const leaseBased = config.readOnlyOption === 'lease-based';
  refuse(
    leaseBased && config.checkQuorum !== true,
    'CheckQuorum must be enabled when ReadOnlyOption is ReadOnlyLeaseBased',
  );
  return Object.freeze({
    id: config.id,
    electionTicks: config.electionTicks,
    heartbeatTicks: config.heartbeatTicks,
    storage: config.storage,
    applied: config.applied ?? 0,
    asyncStorageWrites: config.asyncStorageWrites ?? false,
    maxSizePerMsg: config.maxSizePerMsg,
    maxCommittedSizePerReady: config.maxCommittedSizePerReady || config.maxSizePerMsg,
    maxUncommittedEntriesSize: config.maxUncommittedEntriesSize || NO_LIMIT,
    maxInflightMsgs: config.maxInflightMsgs,
    maxInflightBytes,
    checkQuorum: config.checkQuorum ?? false,
    preVote: config.preVote ?? false,
    readOnlyOption: config.readOnlyOption ?? 'safe',
    disableProposalForwarding: config.disableProposalForwarding ?? false,
    disableConfChangeValidation: config.disableConfChangeValidation ?? false,
    stepDownOnRemoval: config.stepDownOnRemoval ?? false,
    random: config.random,
    logger: config.logger ?? SILENT_LOGGER,
    defects: config.defects ?? NO_DEFECTS,
  });
}

function refuse(wrong: boolean, text: string): void {
  if (wrong) throw new InvariantError(text);
}
