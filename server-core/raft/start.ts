// server-core/raft/start.ts: a member's state from its configuration and what its storage remembers. etcd: newRaft, loadState.
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import type {HardState} from '../raftpb/types.ts';
import {isEmptyHardState} from '../raftpb/types.ts';
import {qualifyConfig} from './config.ts';
import {loadConfig} from './configuration.ts';
import {RaftLog} from './log.ts';
import {raftPanic} from './logging.ts';
import type {RaftNode} from './node.ts';
import {becomeFollower} from './roles.ts';
import {Tracker} from './tracker.ts';
import type {Config} from './types.ts';
import {LOG_INFO} from './types.ts';

/** A follower of its stored term. Throws InvariantError if configuration or storage contradict themselves. */
export function startNode(given: Config): RaftNode {
  const config = qualifyConfig(given);
  const {id, storage, logger} = config;
  const node: RaftNode = {
    id,
    config,
    logger,
    log: new RaftLog(storage, logger, config.maxCommittedSizePerReady),
    tracker: new Tracker({countMax: config.maxInflightMsgs, bytesMax: config.maxInflightBytes}),
    term: 0,
    vote: NO_MEMBER,
    role: {kind: 'follower', leader: NO_MEMBER},
    isLearner: false,
    electionElapsed: 0,
    heartbeatElapsed: 0,
    randomizedElectionTicks: 0,
    messages: [],
    messagesAfterAppend: [],
    readStates: [],
    pendingReads: [],
  };
  const {hardState, confState} = storage.initialState();
  loadConfig(node, confState);
  if (!isEmptyHardState(hardState)) loadHardState(node, hardState);
  if (config.applied > 0) node.log.appliedTo(config.applied, 0);
  becomeFollower(node, node.term, NO_MEMBER);
  if (logger.level <= LOG_INFO) logger.write(LOG_INFO, describeStart(node));
  return node;
}

function loadHardState(node: RaftNode, {term, vote, commit}: HardState): void {
  const {log} = node;
  const last = log.lastIndex();
  if (commit < log.committed || commit > last) {
    const range = `[${log.committed}, ${last}]`;
    raftPanic(node.logger, `${formatId(node.id)} state.commit ${commit} is out of range ${range}`);
  }
  log.committed = commit;
  node.term = term;
  node.vote = vote;
}

function describeStart({id, log, term, tracker}: RaftNode): string {
  const peers = tracker.voters().map(formatId).join(',');
  const marks = `term: ${term}, commit: ${log.committed}, applied: ${log.applied}`;
  const end = `lastindex: ${log.lastIndex()}, lastterm: ${log.lastTerm()}`;
  return `newRaft ${formatId(id)} [peers: [${peers}], ${marks}, ${end}]`;
}
