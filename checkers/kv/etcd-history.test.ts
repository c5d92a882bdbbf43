// Planted violations of durability, serializable reads and revisions; each must be told by its own check.
import {expect, test} from 'vitest';
import type {KeyValue, KvRequest, Operation, StepResponse} from '../../history/operation.ts';
import type {TimelineEvent} from '../../history/timeline.ts';
import {checkByRevision} from '../linearizable/revision.ts';
import {randomHistory} from '../testing/random-history.ts';
import {checkEtcdHistory, type FinalState} from './etcd-history.ts';

const pair = (key: string, value: string, mod: number, version = 1, create = mod): KeyValue => ({
  key,
  value,
  createRevision: create,
  modRevision: mod,
  version,
});

/** Operation ids count on; each takes [callUs, returnUs]. */
function operation(
  id: number,
  client: number,
  callUs: number,
  returnUs: number,
  request: KvRequest,
  response: StepResponse,
  revision: number,
  member = 'm1',
): Operation {
  return {id, client, callUs, returnUs, request, outcome: {kind: 'ok', response: {...response, revision, member}}};
}

const saw = (...kvs: KeyValue[]): StepResponse => ({kind: 'range', kvs, count: kvs.length, more: false});
const oldGet = (key: string): KvRequest => ({kind: 'range', key, serializable: true});
const puts = [
  operation(0, 0, 0, 1, {kind: 'put', key: 'a', value: '1'}, {kind: 'put'}, 2),
  operation(1, 0, 2, 3, {kind: 'put', key: 'a', value: '2'}, {kind: 'put'}, 3),
];
const unanswered: Operation = {
  id: 2,
  client: 1,
  callUs: 4,
  returnUs: 5,
  request: {kind: 'put', key: 'b', value: '9'},
  outcome: {kind: 'error', error: 'timeout', effect: 'unknown'},
};
const end = (revision: number, ...kvs: KeyValue[]): FinalState => ({member: 'm2', revision, kvs});
const A3 = pair('a', '2', 3, 2, 2);
const start = (member: string, atUs: number): TimelineEvent => ({kind: 'start', member, atUs, release: '3.6.0'});

interface Story {
  readonly operations: readonly Operation[];
  readonly finals?: readonly FinalState[];
  readonly timeline?: readonly TimelineEvent[];
}

const stories: readonly [string, readonly string[], Story][] = [
  ['the end that follows', [], {operations: puts, finals: [end(3, A3)]}],
  [
    'an unanswered put in the end',
    [],
    {operations: [...puts, unanswered], finals: [end(4, pair('b', '9', 4), A3)].map(sorted)},
  ],
  ['an unanswered put not in the end', [], {operations: [...puts, unanswered], finals: [end(3, A3)]}],
  ['the last put is gone', ['durability'], {operations: puts, finals: [end(2, pair('a', '1', 2))]}],
  ['a put replaced by something else', ['durability'], {operations: puts, finals: [end(3, pair('a', '7', 3, 2, 2))]}],
  ['a key too many at the end', ['durability'], {operations: puts, finals: [end(3, A3, pair('b', '9', 3))]}],
  ['a revision nobody made at the end', ['durability'], {operations: puts, finals: [end(4, A3)]}],
  [
    'two members end with different stores',
    ['durability'],
    {operations: [...puts, unanswered], finals: [end(4, A3, pair('b', '9', 4)), {...end(4, A3), member: 'm3'}]},
  ],
  [
    'an old serializable read',
    [],
    {operations: [...puts, operation(2, 1, 9, 10, oldGet('a'), saw(pair('a', '1', 2)), 2, 'm3')]},
  ],
  [
    'a serializable read of what never was',
    ['serializable-read'],
    {operations: [...puts, operation(2, 1, 9, 10, oldGet('a'), saw(pair('a', '5', 2)), 2, 'm3')]},
  ],
  [
    'a serializable read of one revision under the number of another',
    ['serializable-read'],
    {operations: [...puts, operation(2, 1, 9, 10, oldGet('a'), saw(A3), 2, 'm3')]},
  ],
  [
    'a serializable read from the future',
    ['serializable-read'],
    {
      operations: [
        operation(2, 1, 0, 1, oldGet('a'), saw(A3), 3, 'm3'),
        ...puts.map((put) => ({...put, callUs: put.callUs + 5, returnUs: (put.returnUs ?? 0) + 5})),
      ],
    },
  ],
  [
    'a stale read that is not serializable',
    ['linearizability', 'revision-monotonic'],
    {operations: [...puts, operation(2, 1, 9, 10, {kind: 'range', key: 'a'}, saw(pair('a', '1', 2)), 2)]},
  ],
  [
    'a client goes back between members',
    ['linearizability', 'revision-monotonic'],
    {operations: [...puts, operation(2, 0, 9, 10, {kind: 'range', key: 'a'}, saw(pair('a', '1', 2)), 2, 'm3')]},
  ],
  [
    'a member goes back in serializable reads',
    ['revision-monotonic'],
    {
      operations: [
        ...puts,
        operation(2, 1, 9, 10, oldGet('a'), saw(A3), 3, 'm3'),
        operation(3, 2, 11, 12, oldGet('a'), saw(pair('a', '1', 2)), 2, 'm3'),
      ],
    },
  ],
  [
    'a member that was restarted may go back',
    [],
    {
      timeline: [start('m3', 0), start('m3', 11)],
      operations: [
        ...puts,
        operation(2, 1, 9, 10, oldGet('a'), saw(A3), 3, 'm3'),
        operation(3, 2, 11, 12, oldGet('a'), saw(pair('a', '1', 2)), 2, 'm3'),
      ],
    },
  ],
];

function sorted(final: FinalState): FinalState {
  return {...final, kvs: [...final.kvs].sort((a, b) => (a.key < b.key ? -1 : 1))};
}

test.each(stories)('%s: %j', (_name, checks, story) => {
  const {verdict, findings} = checkEtcdHistory(story);
  expect([...new Set(findings.map(({check}) => check))]).toEqual(checks);
  expect(verdict).toBe(checks.length === 0 ? 'ok' : 'violation');
  const ids = new Set(story.operations.map(({id}) => id));
  for (const {operations = [], linearizations = []} of findings) {
    expect([...operations, ...linearizations.flat()].every((id) => ids.has(id))).toBe(true);
  }
});

test('what is lost is named', () => {
  const {findings} = checkEtcdHistory({operations: puts, finals: [end(2, pair('a', '1', 2))]});
  expect(findings[0]?.message).toBe(
    'acknowledged but lost: operation 1 (put a=2 -> ok at revision 3); m2 ended at revision 2',
  );
  expect(findings[0]?.operations).toEqual([1]);
});

test('honest histories with serializable reads and their own end are accepted; an end with one lie is not', () => {
  for (let seed = 0; seed < 20; seed++) {
    const operations = randomHistory({
      seed,
      clientCount: 6,
      operationCount: 600,
      keyCount: 6,
      unknown: {numerator: 4, denominator: 100},
      rangePercent: 40,
      txnPercent: 15,
      deletePercent: 5,
      serializable: {numerator: 1, denominator: 3},
      valueCount: 0,
    });
    const sweep = checkByRevision(operations, {stepsMax: 1e6, withSerializable: true});
    expect(sweep.kind).toBe('ok');
    if (sweep.kind !== 'ok') continue;
    const {store} = sweep;
    const final: FinalState = {member: 'm1', revision: store.revision, kvs: store.scan('\0', undefined)};
    expect(checkEtcdHistory({operations, finals: [final]}).findings).toEqual([]);
    const [first, ...rest] = final.kvs;
    if (first === undefined) continue;
    const lie = {...final, kvs: [{...first, version: first.version + 1}, ...rest]};
    expect(checkEtcdHistory({operations, finals: [lie]}).findings.map(({check}) => check)).toEqual(['durability']);
  }
});
