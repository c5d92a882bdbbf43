// server-core/raft/lab/cluster-checks.ts: raft's promises, watched from outside while a cluster runs. Thesis, figure 3.2.
// Election safety, one vote a term, log matching, leader completeness, state machine safety, and reads that are not stale.
// Each breach throws InvariantError with what was seen.
import {assert} from '../../../base/assert.ts';
import {fromBytes} from '../../../base/byte-string.ts';
import type {MemberId} from '../../../base/ids.ts';
import type {Entry, Message} from '../../raftpb/types.ts';
import type {RawNode} from '../raw-node.ts';
import type {ReadState} from '../types.ts';

/** What a member showed last. */
interface Seen {
  readonly raw: RawNode;
  readonly term: number;
  readonly committed: number;
}

export class ClusterChecks {
  private readonly leaders = new Map<number, MemberId>();
  private readonly votes = new Map<string, MemberId>();
  /** Term of every index that any member has known to be committed. */
  private readonly committedTerms = new Map<number, number>();
  /** Text of every entry that any member has applied. */
  private readonly appliedTexts = new Map<number, string>();
  private readonly appliedBy = new Map<MemberId, Set<string>>();
  private readonly seen = new Map<MemberId, Seen>();
  /** For each read, the highest commit index known anywhere when it was asked. */
  private readonly reads = new Map<string, number>();
  private committedMax = 0;

  /** Looks at a member after it has done something. */
  observe(raw: RawNode): void {
    const {id, term, committed} = raw;
    const before = this.seen.get(id);
    const isSameProcess = before?.raw === raw;
    if (before !== undefined)
      assert(term >= before.term || !isSameProcess, 'a term went back', {id, term, before: before.term});
    if (raw.role === 'leader') this.checkLeader(raw);
    const from = isSameProcess ? before.committed : raw.firstIndex - 1;
    assert(committed >= from || !isSameProcess, 'a commit index went back', {id, committed, from});
    for (let index = Math.max(from + 1, raw.firstIndex); index <= committed; index++) this.noteCommitted(raw, index);
    this.seen.set(id, {raw, term, committed});
  }

  private checkLeader(raw: RawNode): void {
    const {id, term} = raw;
    const known = this.leaders.get(term);
    if (known === id) return;
    assert(known === undefined, 'election safety: two leaders in one term', {term, leaders: [known, id]});
    this.leaders.set(term, id);
    for (const [index, committedTerm] of this.committedTerms) {
      if (index < raw.firstIndex) continue;
      const ours = raw.termAt(index);
      assert(ours === committedTerm, 'leader completeness: a committed entry is missing', {
        id,
        term,
        index,
        ours,
        committedTerm,
      });
    }
  }

  private noteCommitted(raw: RawNode, index: number): void {
    const term = raw.termAt(index);
    const known = this.committedTerms.get(index);
    assert(known === undefined || known === term, 'two entries committed at one index', {
      id: raw.id,
      index,
      term,
      known,
    });
    this.committedTerms.set(index, term);
    this.committedMax = Math.max(this.committedMax, index);
  }

  /** A message went out: nobody votes for two in one term. */
  noteSent({type, from, to, term, reject}: Message): void {
    if (type !== 'MsgVoteResp' || reject) return;
    const key = `${from}@${term}`;
    const known = this.votes.get(key);
    assert(known === undefined || known === to, 'two votes in one term', {from, term, votes: [known, to]});
    this.votes.set(key, to);
  }

  /** A member applies an entry: the same one as everybody else. */
  noteApplied(id: MemberId, entry: Entry): void {
    const data = entry.data === undefined ? '' : fromBytes(entry.data);
    const text = `${entry.term} ${entry.type} ${data}`;
    const known = this.appliedTexts.get(entry.index);
    assert(known === undefined || known === text, 'state machine safety: two entries applied at one index', {
      id,
      index: entry.index,
      text,
      known,
    });
    this.appliedTexts.set(entry.index, text);
    const applied = this.appliedBy.get(id) ?? new Set<string>();
    this.appliedBy.set(id, applied.add(data));
  }

  /** Has the member applied an entry with this data (in any of its lives)? */
  hasApplied(id: MemberId, data: Uint8Array): boolean {
    return this.appliedBy.get(id)?.has(fromBytes(data)) === true;
  }

  /** A read is about to be asked. */
  noteRead(request: string): void {
    this.reads.set(request, this.committedMax);
  }

  /** Reads were answered: not below what was committed when they were asked. */
  checkReads(states: readonly ReadState[]): void {
    for (const {index, requestContext} of states) {
      const request = requestContext === undefined ? '' : fromBytes(requestContext);
      const needed = this.reads.get(request) ?? 0;
      assert(index >= needed, 'a stale read', {request, index, needed});
    }
  }

  /** Log matching: where two logs have an entry of the same index and term, they are equal up to it. */
  checkLogMatching(members: readonly RawNode[]): void {
    for (const a of members) for (const b of members) if (a.id < b.id) checkPair(a, b);
  }
}

function checkPair(a: RawNode, b: RawNode): void {
  let matched = false;
  for (let index = Math.min(a.lastIndex, b.lastIndex); index >= Math.max(a.firstIndex, b.firstIndex); index--) {
    const equal = a.termAt(index) === b.termAt(index);
    assert(equal || !matched, 'log matching: logs differ below an equal entry', {members: [a.id, b.id], index});
    matched ||= equal;
  }
}
