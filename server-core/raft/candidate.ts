// server-core/raft/candidate.ts: what a candidate or pre-candidate does with each message. etcd: stepCandidate.
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import type {Message} from '../raftpb/types.ts';
import {becomeLeader, campaign, countVote} from './election.ts';
import {handleAppend, handleHeartbeat, handleSnapshot} from './follower.ts';
import type {CandidateRole, RaftNode} from './node.ts';
import {roleName} from './node.ts';
import {broadcastAppend} from './replication.ts';
import {becomeFollower} from './roles.ts';
import type {StepRefusal} from './types.ts';
import {LOG_DEBUG, LOG_INFO} from './types.ts';

/** Takes a message of our term (or a local one) as a candidate. A leader of our term ends the candidacy. */
export function stepCandidate(node: RaftNode, role: CandidateRole, message: Message): StepRefusal | undefined {
  switch (message.type) {
    case 'MsgProp':
      if (node.logger.level <= LOG_INFO) {
        node.logger.write(LOG_INFO, `${formatId(node.id)} no leader at term ${node.term}; dropping proposal`);
      }
      return 'proposal-dropped';
    case 'MsgApp':
      becomeFollower(node, message.term, message.from);
      handleAppend(node, message);
      break;
    case 'MsgHeartbeat':
      becomeFollower(node, message.term, message.from);
      handleHeartbeat(node, message);
      break;
    case 'MsgSnap':
      becomeFollower(node, message.term, message.from);
      handleSnapshot(node, message);
      break;
    case 'MsgVoteResp':
    case 'MsgPreVoteResp':
      handleVoteResponse(node, role, message);
      break;
    case 'MsgTimeoutNow':
      if (node.logger.level <= LOG_DEBUG) {
        const what = `ignored MsgTimeoutNow from ${formatId(message.from)}`;
        const state = `[term ${node.term} state ${roleName(role.kind)}]`;
        node.logger.write(LOG_DEBUG, `${formatId(node.id)} ${state} ${what}`);
      }
      break;
    default:
      break;
  }
  return undefined;
}

/** Answers to the other kind of campaign are old: a pre-candidate does not count votes of an election, nor the reverse. */
function handleVoteResponse(node: RaftNode, role: CandidateRole, message: Message): void {
  const expected = role.kind === 'pre-candidate' ? 'MsgPreVoteResp' : 'MsgVoteResp';
  if (message.type !== expected) return;
  const result = countVote(node, role, message);
  if (result === 'won') {
    if (role.kind === 'pre-candidate') return campaign(node, 'election');
    becomeLeader(node);
    broadcastAppend(node);
  } else if (result === 'lost') {
    // Our own term, which a PreVote has not raised.
    becomeFollower(node, node.term, NO_MEMBER);
  }
}
