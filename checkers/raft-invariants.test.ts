// Each case drives watched members by hand through a short story and names the check that must speak, or none.
import {expect, test} from 'vitest';
import {NO_MEMBER} from '../base/ids.ts';
import {Random} from '../base/random.ts';
import type {MemberRole} from '../history/timeline.ts';
import {RAFT_FINDINGS_MAX, RaftInvariants, type RaftMemberWatch} from './raft-invariants.ts';

/** A member's log and state by hand; tell() hands all of it to the watch. */
class Puppet {
  terms: number[] = [];
  contents: number[] = [];
  firstIndex = 1;
  term = 1;
  role: MemberRole = 'follower';
  vote: string = NO_MEMBER;
  commit = 0;
  applied = 0;
  changedFrom = 0;
  watch: RaftMemberWatch;
  private readonly invariants: RaftInvariants;
  private readonly name: string;

  constructor(invariants: RaftInvariants, name: string) {
    this.invariants = invariants;
    this.name = name;
    this.watch = this.restart();
  }

  restart(): RaftMemberWatch {
    this.watch = this.invariants.start(this.name, {
      termAt: (index) => this.terms[index - this.firstIndex] as number,
      contentHashAt: (index) => this.contents[index - this.firstIndex] as number,
    });
    return this.watch;
  }

  get lastIndex(): number {
    return this.firstIndex + this.terms.length - 1;
  }

  append(term: number, content: number): this {
    if (this.changedFrom === 0) this.changedFrom = this.lastIndex + 1;
    this.terms.push(term);
    this.contents.push(content);
    return this;
  }

  cutTo(index: number): this {
    this.terms.length = index - this.firstIndex + 1;
    this.contents.length = this.terms.length;
    this.changedFrom = index + 1;
    return this;
  }

  compactTo(index: number): this {
    this.terms.splice(0, index - this.firstIndex + 1);
    this.contents.splice(0, index - this.firstIndex + 1);
    this.firstIndex = index + 1;
    return this;
  }

  /** The log is replaced by a snapshot at index. */
  snapshot(index: number): this {
    this.terms = [];
    this.contents = [];
    this.firstIndex = index + 1;
    this.commit = index;
    this.applied = index;
    return this;
  }

  tell(change: Partial<Pick<Puppet, 'term' | 'role' | 'vote' | 'commit' | 'applied'>> = {}): this {
    Object.assign(this, change);
    const {term, role, vote, commit, applied, firstIndex, lastIndex, changedFrom} = this;
    this.watch.observe(term, role, vote, commit, applied, firstIndex, lastIndex, changedFrom);
    this.changedFrom = 0;
    return this;
  }
}

type Story = (a: Puppet, b: Puppet) => void;

const honest: readonly [string, Story][] = [
  [
    'an election, replication, commit and apply',
    (a, b) => {
      a.tell({role: 'candidate', vote: 'a'}).watch.voteSent(1, 'a');
      b.tell({vote: 'a'}).watch.voteSent(1, 'a');
      a.append(1, 7).tell({role: 'leader'});
      b.append(1, 7).tell().watch.appendAckSent(1);
      a.tell({commit: 1, applied: 1});
      b.tell({commit: 1, applied: 1});
    },
  ],
  [
    'an uncommitted tail is replaced by a new leader',
    (a, b) => {
      a.append(1, 1).append(1, 2).tell({role: 'leader'});
      b.append(1, 1).tell().watch.appendAckSent(1);
      b.append(2, 3).tell({term: 2, role: 'leader', commit: 1});
      a.cutTo(1).append(2, 3).tell({term: 2, role: 'follower', commit: 1});
    },
  ],
  [
    'a tail that was acknowledged is replaced, and the shorter log survives a restart',
    (a, b) => {
      a.append(1, 1).append(1, 2).tell().watch.appendAckSent(2);
      b.append(2, 1).tell({term: 2, role: 'leader'});
      a.cutTo(0).append(2, 1).tell({term: 2});
      a.restart();
      a.tell();
    },
  ],
  [
    'what was not sent may be forgotten at a restart',
    (a) => {
      a.append(1, 1).tell({term: 3, vote: 'a', commit: 1, applied: 1});
      a.cutTo(0).restart();
      a.tell({term: 1, vote: NO_MEMBER, commit: 0, applied: 0});
    },
  ],
  [
    'a snapshot replaces the log and entries go on behind it',
    (a, b) => {
      for (let i = 1; i <= 5; i++) a.append(1, i);
      a.tell({role: 'leader', commit: 5, applied: 5});
      b.tell();
      b.snapshot(5).tell();
      a.compactTo(4).append(1, 6).tell({commit: 6});
      b.append(1, 6).tell({commit: 6, applied: 6});
      b.restart();
      b.tell();
    },
  ],
  [
    'a late leader of an old term need not have what a newer term committed',
    (a, b) => {
      a.append(2, 1).tell({term: 2, role: 'leader', commit: 1});
      b.tell({term: 1, role: 'leader'});
    },
  ],
  [
    'a late message of an older term leaves; a saved state machine is ahead of the saved commit',
    (a) => {
      a.append(1, 1).tell({term: 3, commit: 1, applied: 1}).watch.termSent(3);
      a.watch.termSent(2);
      a.restart();
      a.tell({commit: 0});
      a.tell({commit: 1});
    },
  ],
  [
    'the same entries handed over again change nothing',
    (a) => {
      a.append(1, 1).append(1, 2).tell({role: 'leader', commit: 2});
      a.changedFrom = 1;
      a.tell();
    },
  ],
];

const broken: readonly [string, string, Story][] = [
  [
    'election-safety',
    'two leaders in one term',
    (a, b) => {
      a.tell({role: 'leader'});
      b.tell({role: 'leader'});
    },
  ],
  [
    'leader-append-only',
    'a leader replaces its own tail',
    (a) => {
      a.append(1, 1).append(1, 2).tell({role: 'leader'});
      a.cutTo(1).append(1, 3).tell();
    },
  ],
  [
    'leader-append-only',
    'a leader drops its own tail',
    (a) => {
      a.append(1, 1).append(1, 2).tell({role: 'leader'});
      a.cutTo(1).tell();
    },
  ],
  [
    'log-matching',
    'one index and term, two contents',
    (a, b) => {
      a.append(1, 1).tell();
      b.append(1, 2).tell();
    },
  ],
  [
    'log-matching',
    'equal entries on unequal prefixes',
    (a, b) => {
      a.append(1, 1).append(3, 5).tell({term: 3});
      b.append(2, 1).append(3, 5).tell({term: 3});
    },
  ],
  [
    'leader-completeness',
    'a new leader lacks a committed entry',
    (a, b) => {
      a.append(1, 1).tell({role: 'leader', commit: 1});
      b.tell({term: 2, role: 'leader'});
    },
  ],
  [
    'leader-completeness',
    'a new leader has another entry where one was committed',
    (a, b) => {
      a.append(1, 1).tell({role: 'leader', commit: 1});
      b.append(2, 2).tell({term: 3, role: 'leader'});
    },
  ],
  [
    'state-machine-safety',
    'two members commit different entries at one index',
    (a, b) => {
      a.append(1, 1).tell({commit: 1});
      b.append(2, 2).tell({term: 2, commit: 1});
    },
  ],
  [
    'state-machine-safety',
    'a committed entry is replaced',
    (a) => {
      a.append(1, 1).append(1, 2).tell({commit: 2});
      a.cutTo(1).append(2, 9).tell({term: 2});
    },
  ],
  [
    'state-machine-safety',
    'a member commits something else after a restart',
    (a) => {
      a.append(1, 1).tell({commit: 1});
      a.cutTo(0).append(2, 2).restart();
      a.tell({term: 2, commit: 1});
    },
  ],
  [
    'commit-monotonic',
    'commit goes back within an incarnation',
    (a) => {
      a.append(1, 1).append(1, 2).tell({commit: 2});
      a.tell({commit: 1});
    },
  ],
  ['commit-within-log', 'commit behind the end of the log', (a) => void a.append(1, 1).tell({commit: 2})],
  [
    'applied-within-commit',
    'applied before committed',
    (a) => {
      a.append(1, 1).tell();
      a.tell({applied: 1});
    },
  ],
  [
    'applied-monotonic',
    'applied goes back within an incarnation',
    (a) => {
      a.append(1, 1).append(1, 2).tell({commit: 2, applied: 2});
      a.tell({applied: 1});
    },
  ],
  [
    'term-monotonic',
    'the term goes back within an incarnation',
    (a) => {
      a.tell({term: 3});
      a.tell({term: 2});
    },
  ],
  [
    'term-monotonic',
    'a term that was sent is forgotten at a restart',
    (a) => {
      a.tell({term: 3}).watch.termSent(3);
      a.restart();
      a.tell({term: 2});
    },
  ],
  [
    'one-vote-per-term',
    'the vote changes within a term',
    (a) => {
      a.tell({vote: 'a'});
      a.tell({vote: 'b'});
    },
  ],
  [
    'one-vote-per-term',
    'two votes of one term leave',
    (a) => {
      a.tell({vote: 'a'}).watch.voteSent(1, 'a');
      a.watch.voteSent(1, 'b');
    },
  ],
  [
    'one-vote-per-term',
    'a vote that was sent is forgotten at a restart',
    (a) => {
      a.tell({vote: 'b'}).watch.voteSent(1, 'b');
      a.restart();
      a.tell({vote: NO_MEMBER});
    },
  ],
  [
    'one-vote-per-term',
    'a second vote leaves after a restart',
    (a) => {
      a.tell({vote: 'b'}).watch.voteSent(1, 'b');
      a.restart().voteSent(1, 'a');
    },
  ],
  [
    'acknowledged-append',
    'an acknowledged entry is gone after a restart',
    (a) => {
      a.append(1, 1).append(1, 2).tell().watch.appendAckSent(2);
      a.cutTo(1).restart();
      a.tell();
    },
  ],
];

function play(story: Story): RaftInvariants {
  const invariants = new RaftInvariants(() => ({atUs: 5, atEvent: 9}));
  story(new Puppet(invariants, 'a'), new Puppet(invariants, 'b'));
  return invariants;
}

test.each(honest)('silent: %s', (_name, story) => {
  expect(play(story).findings).toEqual([]);
});

test.each(broken)('%s: %s', (check, _name, story) => {
  const {findings} = play(story);
  expect(findings.map((finding) => finding.check)).toContain(check);
  expect(findings[0]).toMatchObject({kind: 'violation', atUs: 5, atEvent: 9});
});

test('a long honest log with compaction on one side stays silent; one lie deep in it is found', () => {
  for (const lieAt of [0, 2_345]) {
    const random = Random.fromSeed(lieAt);
    const invariants = new RaftInvariants(() => ({atUs: 0, atEvent: 0}));
    const [a, b] = [new Puppet(invariants, 'a'), new Puppet(invariants, 'b')];
    for (let index = 1; index <= 5_000; index++) {
      a.append(1, index).tell({role: 'leader', commit: index - 1, applied: index - 1});
      b.append(1, index === lieAt ? -1 : index).tell({commit: index - 1, applied: index - 1});
      if (random.below(500) === 0) b.compactTo(b.commit).tell();
    }
    expect(invariants.findings.map(({check}) => check).slice(0, 1)).toEqual(lieAt === 0 ? [] : ['log-matching']);
    expect(invariants.findings.length).toBeLessThanOrEqual(RAFT_FINDINGS_MAX);
  }
});

test('a wiped member is forgiven', () => {
  const invariants = new RaftInvariants(() => ({atUs: 0, atEvent: 0}));
  const a = new Puppet(invariants, 'a').append(1, 1).tell({term: 4, vote: 'a'});
  a.watch.voteSent(4, 'a');
  a.watch.appendAckSent(1);
  invariants.forget('a');
  a.cutTo(0).restart();
  a.tell({term: 1, vote: NO_MEMBER});
  expect(invariants.findings).toEqual([]);
});
