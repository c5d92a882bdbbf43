// server-core/raft/election.ts: campaigns, whom a vote goes to, and what happens when one is won.
// etcd: raft.hup, campaign, poll, becomeLeader and the vote cases of raft.Step.
import type {MemberId} from '../../base/ids.ts';
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import type {Message, MessageType} from '../raftpb/types.ts';
import {draftMessage, makeEntry} from '../raftpb/types.ts';
import {raftPanic} from './logging.ts';
import type {CandidateRole, RaftNode} from './node.ts';
import {describeLastEntry, describeVoter, leaderOf, send} from './node.ts';
import type {VoteResult} from './quorum.ts';
import {appendProposals} from './replication.ts';
import {becomeCandidate, becomePreCandidate, enterLeaderRole} from './roles.ts';
import {LOG_DEBUG, LOG_INFO, LOG_WARNING} from './types.ts';

/** Why a campaign begins. A transfer skips PreVote and is exempt from leases (thesis 3.10). */
export type CampaignKind = 'pre-election' | 'election' | 'transfer';

/** The context of a vote request that a transferring leader asked for, on the wire as in etcd: "CampaignTransfer". */
const TRANSFER_CONTEXT: readonly number[] = Array.from('CampaignTransfer', (char) => char.charCodeAt(0));

/** Campaigns, unless we lead already, may not lead, or have a membership change committed and not applied. */
export function hup(node: RaftNode, kind: CampaignKind): void {
  const {logger} = node;
  const self = formatId(node.id);
  if (node.role.kind === 'leader') {
    if (logger.level <= LOG_DEBUG) logger.write(LOG_DEBUG, `${self} ignoring MsgHup because already leader`);
    return;
  }
  if (!isPromotable(node)) {
    if (logger.level <= LOG_WARNING) logger.write(LOG_WARNING, `${self} is unpromotable and can not campaign`);
    return;
  }
  if (node.log.hasUnappliedConfChange()) {
    if (logger.level <= LOG_WARNING) {
      const why = 'since there are still pending configuration changes to apply';
      logger.write(LOG_WARNING, `${self} cannot campaign at term ${node.term} ${why}`);
    }
    return;
  }
  if (logger.level <= LOG_INFO) logger.write(LOG_INFO, `${self} is starting a new election at term ${node.term}`);
  campaign(node, kind);
}

/** Are we a voter of our own configuration, with no snapshot waiting that may change that? */
export function isPromotable(node: RaftNode): boolean {
  const self = node.tracker.progress.get(node.id);
  return self !== undefined && !self.isLearner && node.log.unstable.snapshot === undefined;
}

/** Asks every voter for its vote; our own one is counted when it is stored. */
export function campaign(node: RaftNode, kind: CampaignKind): void {
  let term = node.term + 1;
  if (kind === 'pre-election') becomePreCandidate(node);
  else {
    becomeCandidate(node);
    term = node.term;
  }
  const type: MessageType = kind === 'pre-election' ? 'MsgPreVote' : 'MsgVote';
  for (const id of node.tracker.voters()) {
    if (id === node.id) {
      const own = draftMessage(voteResponseType(type), id);
      own.term = term;
      send(node, own);
      continue;
    }
    if (node.logger.level <= LOG_INFO) {
      const line = `sent ${type} request to ${formatId(id)} at term ${node.term}`;
      node.logger.write(LOG_INFO, `${formatId(node.id)} ${describeLastEntry(node)} ${line}`);
    }
    const request = draftMessage(type, id);
    request.term = term;
    request.index = node.log.lastIndex();
    request.logTerm = node.log.lastTerm();
    if (kind === 'transfer') request.context = Uint8Array.from(TRANSFER_CONTEXT);
    send(node, request);
  }
}

function voteResponseType(type: MessageType): MessageType {
  return type === 'MsgVote' ? 'MsgVoteResp' : 'MsgPreVoteResp';
}

/** Counts an answer to our campaign; a member's first answer is the one that counts. raft.poll. */
export function countVote(node: RaftNode, role: CandidateRole, message: Message): VoteResult {
  const {from, type} = message;
  const granted = !message.reject;
  const {logger} = node;
  if (logger.level <= LOG_INFO) {
    const what = granted ? type : `${type} rejection`;
    logger.write(LOG_INFO, `${formatId(node.id)} received ${what} from ${formatId(from)} at term ${node.term}`);
  }
  if (!role.votes.has(from)) role.votes.set(from, granted);
  if (logger.level <= LOG_INFO) {
    const [yes, no] = tallyVotes(node, role.votes);
    logger.write(LOG_INFO, `${formatId(node.id)} has received ${yes} ${type} votes and ${no} vote rejections`);
  }
  return node.tracker.voteResult(role.votes);
}

/** Votes for and against by members that are voters now; only for the log. */
function tallyVotes(node: RaftNode, votes: ReadonlyMap<MemberId, boolean>): readonly [number, number] {
  let granted = 0;
  let rejected = 0;
  for (const progress of node.tracker.members) {
    const vote = progress.isLearner ? undefined : votes.get(progress.id);
    if (vote === true) granted++;
    if (vote === false) rejected++;
  }
  return [granted, rejected];
}

/** The election is won: lead, with an empty entry of the new term as the first act (thesis 3.6.2). */
export function becomeLeader(node: RaftNode): void {
  const role = enterLeaderRole(node);
  if (!appendProposals(node, role, [makeEntry({})])) raftPanic(node.logger, 'empty entry was dropped');
  if (node.logger.level <= LOG_INFO) {
    node.logger.write(LOG_INFO, `${formatId(node.id)} became leader at term ${node.term}`);
  }
}

/**
 * May a vote request of a higher term be heard? Thesis 4.2.3: a member that heard a leader within the election timeout
 * ignores it and keeps its term, so that a removed or cut-off member cannot depose a healthy leader. Transfers are exempt.
 */
export function admitHigherTermVote(node: RaftNode, message: Message): boolean {
  const {electionTicks, checkQuorum} = node.config;
  const inLease = checkQuorum && leaderOf(node) !== NO_MEMBER && node.electionElapsed < electionTicks;
  if (!inLease || isTransferContext(message.context)) return true;
  if (node.logger.level <= LOG_INFO) {
    const remaining = electionTicks - node.electionElapsed;
    const why = `lease is not expired (remaining ticks: ${remaining})`;
    noteVote(node, message, 'ignored', 'from', `at term ${node.term}: ${why}`);
  }
  return false;
}

function isTransferContext(context: Uint8Array | undefined): boolean {
  if (context === undefined || context.length !== TRANSFER_CONTEXT.length) return false;
  for (let i = 0; i < context.length; i++) if (context[i] !== TRANSFER_CONTEXT[i]) return false;
  return true;
}

/** A PreVote of a lower term: tell the sender that it is behind. */
export function refuseStalePreVote(node: RaftNode, message: Message): void {
  if (node.logger.level <= LOG_INFO) noteVote(node, message, 'rejected', 'from', `at term ${node.term}`);
  respondToVote(node, message, false);
}

/** Grants or refuses a vote (or PreVote) of our term, or a PreVote of a higher one. */
export function handleVoteRequest(node: RaftNode, message: Message): void {
  const granted = mayVoteFor(node, message) && node.log.isUpToDate(message.index, message.logTerm);
  if (node.logger.level <= LOG_INFO) {
    if (granted) noteVote(node, message, 'cast', 'for', `at term ${node.term}`);
    else noteVote(node, message, 'rejected', 'from', `at term ${node.term}`);
  }
  respondToVote(node, message, granted);
  if (granted && message.type === 'MsgVote') {
    // Only a real vote is remembered, and only it resets the timer.
    node.electionElapsed = 0;
    node.vote = message.from;
  }
}

/** We voted for it before, or for nobody in a term without a known leader, or this is only a PreVote for a later term. */
function mayVoteFor(node: RaftNode, message: Message): boolean {
  if (node.config.defects.voteTwice === true && message.type === 'MsgVote') return true;
  if (node.vote === message.from) return true;
  if (node.vote === NO_MEMBER && leaderOf(node) === NO_MEMBER) return true;
  return message.type === 'MsgPreVote' && message.term > node.term;
}

/** A vote is granted for the term asked about, which for a PreVote is not ours yet; refused with our own term. */
function respondToVote(node: RaftNode, message: Message, granted: boolean): void {
  const response = draftMessage(voteResponseType(message.type), message.from);
  response.term = granted ? message.term : node.term;
  response.reject = !granted;
  send(node, response);
}

function noteVote(node: RaftNode, message: Message, verb: string, preposition: string, tail: string): void {
  const whom = `${message.type} ${preposition} ${formatId(message.from)}`;
  const their = `[logterm: ${message.logTerm}, index: ${message.index}]`;
  node.logger.write(LOG_INFO, `${formatId(node.id)} ${describeVoter(node)} ${verb} ${whom} ${their} ${tail}`);
}
