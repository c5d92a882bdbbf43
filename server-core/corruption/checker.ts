// server-core/corruption/checker.ts: members compare the hashes of their keys and raise the CORRUPT alarm where they differ.
// Modelled: the check at a start, the leader's check every so often, and its check of the hashes that compactions leave.
// etcd: etcdserver/corrupt.go (CheckInitialHashKV and checkHashKV up to 3.5.4), monitorKVHash, monitorCompactHash.
// Not modelled: 3.6's comparison of the backend's buckets, which runs in etcd's own tests only.
import type {MemberId} from '../../base/ids.ts';
import {formatId, NO_MEMBER} from '../../base/ids.ts';
import type {Fiber} from '../../env/fiber.ts';
import {sleepUs} from '../../env/fiber.ts';
import {Ticker} from '../../env/ticker.ts';
import {ServerEnded} from '../membership/process-end.ts';
import {isRefusal} from '../mvcc/errors.ts';
import type {HashKv} from '../mvcc/hash.ts';
import type {HashNow, PeerHash, PeerHashHost} from './peer-hash.ts';
import {askPeers} from './peer-hash.ts';

export interface CorruptionHost extends PeerHashHost {
  /** Microseconds; 0: never. */
  readonly periodicCheckUs: number;
  /** Microseconds; 0: never. */
  readonly compactionCheckUs: number;
  readonly isLeader: () => boolean;
  /** Returns once a linearizable read may be served; true: it may not. */
  readonly cannotRead: () => Fiber<boolean>;
  /** Hashes of finished compactions, lowest revision first. */
  readonly compactionHashes: () => readonly HashKv[];
  /** Proposes the CORRUPT alarm for a member, or for nobody in particular, and does not wait. */
  readonly raise: (member: MemberId) => void;
}

export class CorruptionChecker {
  readonly host: CorruptionHost;
  private checkedRevision = 0;

  constructor(host: CorruptionHost) {
    this.host = host;
  }

  /** Starts the loops that are asked for. */
  start(): void {
    const {env, behaviours, periodicCheckUs, compactionCheckUs} = this.host;
    if (!behaviours.exists) return;
    if (periodicCheckUs > 0) env.spawn('corruption-check', this.runPeriodic());
    if (behaviours.checksCompactions && compactionCheckUs > 0) {
      env.spawn('compact-hash-check', this.runCompactionChecks());
    }
  }

  /**
   * Before a member that was here before serves anything: at its own revision the peers must have the same. Peers that are behind, or
   * have compacted differently, prove nothing. Throws ServerEnded.
   */
  *initialCheck(): Fiber<void> {
    const {id, hash, note, env, behaviours} = this.host;
    if (!behaviours.exists) return;
    const own = yield* hash(0);
    if (isRefusal(own)) throw new ServerEnded(`${formatId(id)} failed to fetch hash (${own.message})`);
    let mismatchCount = 0;
    for (const {answer} of yield* askPeers(this.host, own.revision)) {
      if (answer === undefined || answer.hash === own.hash) continue;
      if (answer.compactRevision === own.compactRevision) mismatchCount++;
      else note('found different compact revision values from remote peer');
    }
    if (mismatchCount > 0) throw new ServerEnded(`${formatId(id)} found data inconsistency with peers`);
    env.trace.mark('corruption: initial check passed');
    note('initial corruption checking passed; no corruption');
  }

  private *runPeriodic(): Fiber<never> {
    const {env, behaviours, isLeader, periodicCheckUs} = this.host;
    const ticker = new Ticker(env.clock, periodicCheckUs);
    for (;;) {
      if (behaviours.keepsBeat) {
        while (!ticker.ready()) yield ticker;
        ticker.take();
      } else yield* sleepUs(env.clock, periodicCheckUs);
      if (isLeader()) yield* this.periodicCheck();
    }
  }

  /** The leader compares itself with everybody at its revision, and with itself behind a linearizable read. Raises one alarm at most. */
  *periodicCheck(): Fiber<void> {
    const {id, behaviours, hash, cannotRead, raise, env} = this.host;
    const before = yield* hash(0);
    if (isRefusal(before)) return;
    const peers = yield* askPeers(this.host, before.revision);
    if (yield* cannotRead()) return;
    const now = yield* hash(0);
    if (isRefusal(now)) return;
    const isSame = now.revision === before.revision && now.compactRevision === before.compactRevision;
    const culprit = isSame && now.hash !== before.hash ? id : peers.find((peer) => differs(peer, before, now))?.id;
    if (culprit === undefined) return;
    env.trace.mark('corruption: found by a periodic check');
    raise(behaviours.periodicBlames === 'nobody' ? NO_MEMBER : culprit);
  }

  private *runCompactionChecks(): Fiber<never> {
    const {env, isLeader, compactionCheckUs} = this.host;
    for (;;) {
      yield* sleepUs(env.clock, compactionCheckUs);
      if (isLeader()) yield* this.compactionCheck();
    }
  }

  /** From the newest compaction back, until one was compared with everybody or members were found to differ. */
  *compactionCheck(): Fiber<void> {
    const unchecked = this.host.compactionHashes().filter(({revision}) => revision > this.checkedRevision);
    for (const own of unchecked.reverse()) {
      const peers = yield* askPeers(this.host, own.revision);
      if (peers.length === 0) continue;
      const comparable = peers.filter(({answer}) => answer?.compactRevision === own.compactRevision);
      if (this.blame(own, comparable, peers.length + 1)) return;
      if (comparable.length === peers.length) {
        this.checkedRevision = Math.max(this.checkedRevision, own.revision);
        return;
      }
    }
  }

  /** Raises the alarm where hashes differ, and tells whether they do. */
  private blame(own: HashKv, peers: readonly PeerHash[], memberCount: number): boolean {
    const {behaviours, raise, env, note} = this.host;
    const first = peers.find(({answer}) => answer?.hash !== own.hash);
    if (first === undefined) return false;
    env.trace.mark('corruption: found by a compaction');
    note(`detected compaction hash mismatch at revision ${own.revision}`);
    if (behaviours.compactionBlames === 'minority')
      for (const member of this.outvoted(own, peers, memberCount)) raise(member);
    else raise(behaviours.compactionBlames === 'nobody' ? NO_MEMBER : first.id);
    return true;
  }

  /** Everybody but the quorum that agrees; nobody in particular without one. etcd: checkPeerHashes. */
  private outvoted(own: HashKv, peers: readonly PeerHash[], memberCount: number): readonly MemberId[] {
    const byHash = new Map<number, MemberId[]>([[own.hash, [this.host.id]]]);
    for (const {id, answer} of peers) {
      if (answer === undefined) continue;
      const agreeing = byHash.get(answer.hash);
      if (agreeing === undefined) byHash.set(answer.hash, [id]);
      else agreeing.push(id);
    }
    const quorum = Math.floor(memberCount / 2) + 1;
    const groups = [...byHash.values()];
    const majority = groups.find((ids) => ids.length >= quorum);
    if (majority === undefined) return [NO_MEMBER];
    return groups.flatMap((ids) => (ids === majority ? [] : ids)).sort();
  }
}

/**
 * A follower must not be ahead of a leader that has read linearizably, neither in revisions nor in compaction, and must have the same
 * hash where its compaction is the one that the leader had.
 */
function differs({answer}: PeerHash, before: HashNow, now: HashNow): boolean {
  if (answer === undefined) return false;
  if (answer.currentRevision > now.currentRevision || answer.compactRevision > now.compactRevision) return true;
  return answer.compactRevision === before.compactRevision && answer.hash !== before.hash;
}
