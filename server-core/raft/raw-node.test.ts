// The rules of the Raft paper and thesis, one by one, on members that are driven by hand; and what RawNode promises its user.
import {describe, expect, test} from 'vitest';
import {InvariantError} from '../../base/assert.ts';
import type {MemberId} from '../../base/ids.ts';
import {NO_MEMBER, toMemberId} from '../../base/ids.ts';
import {makeConfChange} from '../raftpb/conf-change.ts';
import type {Entry, HardState, Message} from '../raftpb/types.ts';
import {LOCAL_APPEND_THREAD, makeConfState, makeEntry, makeMessage} from '../raftpb/types.ts';
import {MemoryStorage} from './memory-storage.ts';
import {RawNode} from './raw-node.ts';
import type {Config, Ready} from './types.ts';
import {LOG_INFO, NO_LIMIT} from './types.ts';

const [ONE, TWO, THREE, FOUR, FIVE] = [1, 2, 3, 4, 5].map((value) => toMemberId(value)) as [
  MemberId,
  MemberId,
  MemberId,
  MemberId,
  MemberId,
];
const ELECTION_TICKS = 10;

interface Setting {
  readonly voters?: readonly MemberId[];
  readonly terms?: readonly number[];
  readonly hardState?: HardState;
  readonly config?: Partial<Config>;
}

/** A member with a log of these terms from index 1, nothing of it committed unless the hard state says so. */
function startMember({voters = [ONE, TWO, THREE], terms = [], hardState, config = {}}: Setting = {}) {
  const storage = new MemoryStorage();
  storage.append(terms.map((term, i) => makeEntry({term, index: i + 1})));
  if (hardState !== undefined) storage.setHardState(hardState);
  const confState = makeConfState({voters});
  const initialState = () => ({...storage.initialState(), confState});
  const raw = new RawNode({
    id: ONE,
    electionTicks: ELECTION_TICKS,
    heartbeatTicks: 1,
    maxSizePerMsg: NO_LIMIT,
    maxInflightMsgs: 256,
    random: () => 0,
    storage: Object.assign(Object.create(storage) as MemoryStorage, {initialState}),
    ...config,
  });
  return {raw, storage};
}

type Member = ReturnType<typeof startMember>;

/** Does what one Ready says and returns it. */
function turn({raw, storage}: Member): Ready {
  const ready = raw.ready();
  if (ready.hardState !== undefined) storage.setHardState(ready.hardState);
  storage.append(ready.entries);
  raw.advance();
  return ready;
}

/** All messages until nothing is left to do. */
function drain(member: Member): Message[] {
  const messages: Message[] = [];
  while (member.raw.hasReady()) messages.push(...turn(member).messages);
  return messages;
}

/** A leader of term 1 with its first entry committed. */
function startLeader(setting: Setting = {}): Member {
  const member = startMember(setting);
  member.raw.campaign();
  drain(member);
  for (const from of setting.voters ?? [ONE, TWO, THREE]) {
    if (from === ONE || member.raw.role === 'leader') continue;
    member.raw.step(makeMessage({type: 'MsgVoteResp', from, to: ONE, term: member.raw.term}));
  }
  drain(member);
  for (const from of setting.voters ?? [ONE, TWO, THREE]) {
    if (from !== ONE) acknowledge(member, from, member.raw.lastIndex);
  }
  drain(member);
  return member;
}

function acknowledge({raw}: Member, from: MemberId, index: number): void {
  raw.step(makeMessage({type: 'MsgAppResp', from, to: ONE, term: raw.term, index}));
}

const typesOf = (messages: readonly Message[]): string[] =>
  messages.map(({type, to}) => `${type}->${Number(`0x${to}`)}`);
const bytes = (text: string): Uint8Array => new TextEncoder().encode(text);

describe('terms (section 5.1)', () => {
  test.each(['follower', 'candidate', 'leader'] as const)('a %s takes over a higher term and follows', (role) => {
    const member = role === 'leader' ? startLeader() : startMember();
    if (role === 'candidate') member.raw.campaign();
    member.raw.step(makeMessage({type: 'MsgApp', from: TWO, to: ONE, term: 9}));
    expect(member.raw.basicStatus()).toMatchObject({term: 9, role: 'follower', leader: TWO});
  });

  test('a message of a lower term is ignored', () => {
    const member = startMember({hardState: {term: 5, vote: NO_MEMBER, commit: 0}});
    member.raw.step(
      makeMessage({type: 'MsgApp', from: TWO, to: ONE, term: 4, entries: [makeEntry({term: 4, index: 1})]}),
    );
    expect(drain(member)).toEqual([]);
    expect(member.raw.lastIndex).toBe(0);
  });
});

describe('elections (section 5.2)', () => {
  test('members start as followers, and campaign when they hear no leader', () => {
    const member = startMember();
    expect(member.raw.role).toBe('follower');
    for (let tick = 1; tick < ELECTION_TICKS; tick++) member.raw.tick();
    expect(member.raw.role).toBe('follower');
    member.raw.tick();
    expect(member.raw.basicStatus()).toMatchObject({role: 'candidate', term: 1, vote: ONE});
    expect(typesOf(drain(member))).toEqual(['MsgVote->2', 'MsgVote->3']);
  });

  test('the timeout is drawn from one to two election timeouts', () => {
    for (const drawn of [0, 4, ELECTION_TICKS - 1]) {
      const {raw} = startMember({config: {random: (countMax) => Math.min(drawn, countMax - 1)}});
      let ticks = 0;
      while (raw.role === 'follower') {
        raw.tick();
        ticks++;
      }
      expect(ticks).toBe(ELECTION_TICKS + drawn);
    }
  });

  test.each([
    ['one voter alone', [ONE], [], 'leader'],
    ['three voters, one grant', [ONE, TWO, THREE], [[TWO, true]], 'leader'],
    ['three voters, one refusal', [ONE, TWO, THREE], [[TWO, false]], 'candidate'],
    [
      'three voters, two refusals',
      [ONE, TWO, THREE],
      [
        [TWO, false],
        [THREE, false],
      ],
      'follower',
    ],
    [
      'a second answer of the same member',
      [ONE, TWO, THREE, FOUR, FIVE],
      [
        [TWO, true],
        [TWO, true],
      ],
      'candidate',
    ],
    [
      'five voters, two grants',
      [ONE, TWO, THREE, FOUR, FIVE],
      [
        [TWO, true],
        [FIVE, true],
      ],
      'leader',
    ],
  ] as const)('%s', (_name, voters, answers, role) => {
    const member = startMember({voters});
    member.raw.campaign();
    drain(member);
    for (const [from, granted] of answers) {
      member.raw.step(makeMessage({type: 'MsgVoteResp', from, to: ONE, term: 1, reject: !granted}));
    }
    expect(member.raw.role).toBe(role);
  });

  test.each([
    ['nobody yet', NO_MEMBER, TWO, false],
    ['the same candidate', TWO, TWO, false],
    ['another candidate', THREE, TWO, true],
  ])('a vote when we voted for %s', (_name, vote, from, reject) => {
    const member = startMember({hardState: {term: 1, vote, commit: 0}});
    member.raw.step(makeMessage({type: 'MsgVote', from, to: ONE, term: 1}));
    expect(drain(member)[0]).toMatchObject({type: 'MsgVoteResp', to: from, reject});
  });

  test('a candidate of a term follows its leader', () => {
    const member = startMember();
    member.raw.campaign();
    drain(member);
    member.raw.step(makeMessage({type: 'MsgHeartbeat', from: TWO, to: ONE, term: 1}));
    expect(member.raw.basicStatus()).toMatchObject({role: 'follower', leader: TWO, term: 1});
  });

  test('a leader sends heartbeats to everybody at every interval', () => {
    const member = startLeader();
    member.raw.tick();
    expect(typesOf(drain(member))).toEqual(['MsgHeartbeat->2', 'MsgHeartbeat->3']);
  });
});

describe('replication (section 5.3)', () => {
  test('a proposal is stored, sent, committed by a quorum and then handed out', () => {
    const member = startLeader();
    expect(member.raw.propose(bytes('x'))).toBeUndefined();
    const ready = turn(member);
    expect(ready.mustSync).toBe(true);
    expect(ready.entries.map(({index, term}) => [index, term])).toEqual([[2, 1]]);
    expect(ready.messages[0]).toMatchObject({type: 'MsgApp', index: 1, logTerm: 1, commit: 1});
    expect(member.raw.committed).toBe(1);
    acknowledge(member, TWO, 2);
    expect(member.raw.committed).toBe(2);
    expect(turn(member).committedEntries.map(({index}) => index)).toEqual([2]);
  });

  test.each([
    [[ONE], 0],
    [[ONE, TWO, THREE], 1],
    [[ONE, TWO, THREE, FOUR], 2],
    [[ONE, TWO, THREE, FOUR, FIVE], 2],
  ] as const)('of %j it takes %i others to commit', (voters, needed) => {
    const member = startLeader({voters});
    const before = member.raw.lastIndex;
    member.raw.propose(bytes('x'));
    drain(member);
    for (let i = 0; i < needed; i++) {
      expect(member.raw.committed).toBe(before);
      acknowledge(member, voters[i + 1] as MemberId, before + 1);
    }
    drain(member);
    expect(member.raw.committed).toBe(before + 1);
  });

  test.each([
    ['fits behind the log', 2, 2, [3], [1, 2, 3]],
    ['replaces what differs', 1, 1, [3, 3], [1, 3, 3]],
    ['keeps what is the same, and what lies behind it', 1, 1, [2], [1, 2]],
    ['from the beginning', 0, 0, [1, 2], [1, 2]],
  ])("a leader's entries: %s", (_name, index, logTerm, terms, expected) => {
    const {raw} = startMember({terms: [1, 2], hardState: {term: 2, vote: NO_MEMBER, commit: 0}});
    const entries = terms.map((term, i) => makeEntry({term, index: index + 1 + i}));
    raw.step(makeMessage({type: 'MsgApp', from: TWO, to: ONE, term: 3, index, logTerm, entries}));
    expect(Array.from({length: raw.lastIndex}, (_, i) => raw.termAt(i + 1))).toEqual(expected);
  });

  test.each([
    ['an entry we lack', 3, 3],
    ['an entry of another term', 2, 3],
  ])('an append behind %s is refused with a hint', (_name, index, logTerm) => {
    const member = startMember({terms: [1, 2], hardState: {term: 3, vote: NO_MEMBER, commit: 0}});
    member.raw.step(makeMessage({type: 'MsgApp', from: TWO, to: ONE, term: 3, index, logTerm}));
    expect(drain(member)[0]).toMatchObject({type: 'MsgAppResp', reject: true, index, rejectHint: 2, logTerm: 2});
  });

  test('a follower commits what the leader has committed, as far as it has it', () => {
    const member = startMember({terms: [1, 1], hardState: {term: 1, vote: NO_MEMBER, commit: 0}});
    const entries = [makeEntry({term: 1, index: 3})];
    member.raw.step(
      makeMessage({type: 'MsgApp', from: TWO, to: ONE, term: 1, index: 2, logTerm: 1, commit: 9, entries}),
    );
    expect(member.raw.committed).toBe(3);
  });
});

describe('safety (section 5.4)', () => {
  test.each([
    ['a later term', 1, 3, false],
    ['the same end', 2, 2, false],
    ['a longer log of the same term', 3, 2, false],
    ['a shorter log of the same term', 1, 2, true],
    ['a longer log of an earlier term', 9, 1, true],
  ])('a vote for a candidate with %s', (_name, index, logTerm, reject) => {
    const member = startMember({terms: [1, 2], hardState: {term: 2, vote: NO_MEMBER, commit: 0}});
    member.raw.step(makeMessage({type: 'MsgVote', from: TWO, to: ONE, term: 3, index, logTerm}));
    expect(drain(member)[0]).toMatchObject({type: 'MsgVoteResp', reject});
  });

  test('only entries of its own term are committed by counting', () => {
    const member = startMember({terms: [1, 1], hardState: {term: 1, vote: NO_MEMBER, commit: 0}});
    member.raw.campaign();
    drain(member);
    member.raw.step(makeMessage({type: 'MsgVoteResp', from: TWO, to: ONE, term: 2}));
    drain(member);
    acknowledge(member, TWO, 2);
    expect(member.raw.committed).toBe(0);
    acknowledge(member, TWO, 3);
    expect(member.raw.committed).toBe(3);
  });
});

describe('what RawNode promises', () => {
  test('a new cluster begins with its members as committed entries', () => {
    const member = startMember({voters: []});
    member.raw.bootstrap([{id: ONE}, {id: TWO, context: bytes('peer')}]);
    expect(member.raw.config.voters).toEqual([ONE, TWO]);
    const ready = member.raw.ready();
    expect(ready.hardState).toEqual({term: 1, vote: NO_MEMBER, commit: 2});
    expect(ready.entries).toEqual(ready.committedEntries);
    expect(ready.entries.map(({type, term, index}) => [type, term, index])).toEqual([
      ['EntryConfChange', 1, 1],
      ['EntryConfChange', 1, 2],
    ]);
    member.storage.append(ready.entries);
    for (const id of [ONE, TWO]) member.raw.applyConfChange(makeConfChange('ConfChangeAddNode', id));
    member.raw.advance();
    expect(member.raw.config.voters).toEqual([ONE, TWO]);
    expect(() => member.raw.bootstrap([{id: ONE}])).toThrow("can't bootstrap a nonempty Storage");
  });

  test('nothing new, no Ready; and two need an advance between them', () => {
    const {raw} = startMember();
    expect(raw.hasReady()).toBe(false);
    raw.campaign();
    expect(raw.hasReady()).toBe(true);
    raw.ready();
    expect(() => raw.ready()).toThrow('two accepted Ready structs without call to Advance');
    raw.advance();
    const {raw: threaded} = startMember({config: {asyncStorageWrites: true}});
    expect(() => threaded.advance()).toThrow('Advance must not be called when using AsyncStorageWrites');
  });

  test('local messages do not come in from outside, nor answers of strangers', () => {
    const {raw} = startMember();
    expect(raw.step(makeMessage({type: 'MsgHup', from: TWO}))).toBe('local-message');
    expect(raw.step(makeMessage({type: 'MsgAppResp', from: FIVE}))).toBe('peer-not-found');
    expect(raw.step(makeMessage({type: 'MsgStorageApplyResp', from: LOCAL_APPEND_THREAD}))).toBeUndefined();
    expect(raw.propose(bytes('x'))).toBe('proposal-dropped');
  });

  test('after a restart only what was not applied is handed out', () => {
    const hardState = {term: 1, vote: NO_MEMBER, commit: 3};
    const member = startMember({terms: [1, 1, 1, 1], hardState, config: {applied: 2}});
    expect(turn(member).committedEntries.map(({index}) => index)).toEqual([3]);
    expect(member.raw.applied).toBe(3);
  });

  test.each<[string, Partial<Config>]>([
    ['cannot use none as id', {id: NO_MEMBER}],
    ['cannot use local target as id', {id: LOCAL_APPEND_THREAD}],
    ['heartbeat tick must be greater than 0', {heartbeatTicks: 0}],
    ['election tick must be greater than heartbeat tick', {electionTicks: 1}],
    ['max inflight messages must be greater than 0', {maxInflightMsgs: 0}],
    ['max inflight bytes must be >= max message size', {maxInflightBytes: 5}],
    ['CheckQuorum must be enabled when ReadOnlyOption is ReadOnlyLeaseBased', {readOnlyOption: 'lease-based'}],
  ])('%s', (text, config) => {
    expect(() => startMember({config})).toThrow(new InvariantError(text));
  });

  test('a quiet logger is never written to', () => {
    const lines: string[] = [];
    const write = (level: number, text: string) => lines.push(`${level} ${text}`);
    startLeader({config: {logger: {level: LOG_INFO + 1, write}}});
    expect(lines).toEqual([]);
    startLeader({config: {logger: {level: LOG_INFO, write}}});
    expect(lines).toContain(`${LOG_INFO} 1 became leader at term 1`);
  });

  test('a received message and its entries stay as they were', () => {
    const member = startLeader();
    const freeze = (entry: Entry): Entry => Object.freeze(entry);
    const entries = Object.freeze([makeEntry({data: bytes('a')}), makeEntry({type: 'EntryConfChangeV2'})].map(freeze));
    const proposal = Object.freeze(makeMessage({type: 'MsgProp', from: TWO, to: ONE, entries}));
    expect(member.raw.step(proposal)).toBeUndefined();
    // The empty change is refused outside of a joint configuration: an empty entry takes its place.
    expect(turn(member).entries.map(({type, index}) => [type, index])).toEqual([
      ['EntryNormal', 2],
      ['EntryNormal', 3],
    ]);
    expect(entries[1]?.type).toBe('EntryConfChangeV2');
  });

  // As etcd does (stepLeader, MsgReadIndex): the check for a commit of the leader's own term comes behind this shortcut, so
  // that a group of one may answer, right after a restart, from a commit index that was not yet stored before it.
  test('a group of one answers reads even before the first commit of its term', () => {
    const member = startMember({voters: [ONE], terms: [1, 1], hardState: {term: 1, vote: ONE, commit: 1}});
    member.raw.campaign();
    while (member.raw.role !== 'leader') turn(member);
    member.raw.readIndex(bytes('r'));
    expect(member.raw.committed).toBe(1);
    expect(turn(member).readStates).toEqual([{index: 1, requestContext: bytes('r')}]);
    drain(member);
    expect(member.raw.committed).toBe(3);
  });
});
