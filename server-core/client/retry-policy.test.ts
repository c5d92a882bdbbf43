// Which errors let a client of each release make a call again, and how long it waits.
import {expect, test} from 'vitest';
import {Random} from '../../base/random.ts';
import type {CallFailure} from '../api/payloads.ts';
import {clientBehaviours} from './behaviours.ts';
import {asToldToUser, isHalting} from './call-errors.ts';
import {backoffUs, isRepeatableMethod, isSafeRetry} from './retry-policy.ts';

const LEARNER = 'etcdserver: rpc not supported for learner';

/** Whether a read and a write are made again, by a client of that release with two endpoints. */
function retried(release: string, code: CallFailure['code'], message: string, endpointCount = 2): string {
  const behaviours = clientBehaviours(release);
  const ask = (isRepeatable: boolean) =>
    isSafeRetry({failure: {code, message}, isRepeatable, endpointCount}, behaviours);
  const [read, write] = [ask(true), ask(false)];
  return read && write ? 'both' : read ? 'read' : write ? 'write' : 'none';
}

test.each([
  ['Unavailable', 'etcdserver: leader changed', 'read'],
  ['Unavailable', 'etcdserver: no leader', 'read'],
  ['Unavailable', 'etcdserver: request timed out', 'read'],
  ['Unavailable', 'error reading from server: connection reset', 'read'],
  ['Unavailable', 'there is no address available', 'both'],
  ['Unavailable', 'there is no connection available', 'both'],
  ['Internal', 'there is no connection available', 'none'],
  ['Internal', 'stream terminated', 'none'],
  ['Unknown', 'raft proposal dropped', 'none'],
  ['DeadlineExceeded', 'context deadline exceeded', 'none'],
  ['Canceled', 'context canceled', 'none'],
  ['ResourceExhausted', 'etcdserver: too many requests', 'none'],
  ['FailedPrecondition', 'etcdserver: not leader', 'none'],
] as const)('%s, %s: %s', (code, message, want) => {
  for (const release of ['3.3.25', '3.4.23', '3.5.16', '3.6.0']) expect(retried(release, code, message)).toBe(want);
});

test.each([
  // A refusal known to the client is taken to another endpoint by writes too; otherwise the general rule decides.
  ['3.4.23', 'Unavailable', 'read'],
  ['3.4.32', 'Unavailable', 'both'],
  ['3.5.13', 'Unavailable', 'read'],
  ['3.5.16', 'Unavailable', 'both'],
  ['3.5.16', 'FailedPrecondition', 'none'],
  ['3.6.0', 'FailedPrecondition', 'both'],
  // The client's own table says FailedPrecondition, so Unavailable on the wire does not help.
  ['3.6.0', 'Unavailable', 'none'],
] as const)('a client %s and a learner that says %s: %s', (release, code, want) => {
  expect(retried(release, code, LEARNER)).toBe(want);
});

test('with one endpoint a learner is not fled from', () => {
  expect(retried('3.5.16', 'Unavailable', LEARNER, 1)).toBe('read');
  expect(retried('3.6.0', 'FailedPrecondition', LEARNER, 1)).toBe('none');
});

test.each([
  ['3.5.16', 'FailedPrecondition', 'etcdserver: not capable', 'Unavailable'],
  ['3.6.0', 'Unavailable', 'etcdserver: not capable', 'FailedPrecondition'],
  ['3.6.0', 'Unavailable', 'etcdserver: leader changed', 'Unavailable'],
] as const)('a client %s told %s: %s tells its user %s', (release, code, message, want) => {
  expect(asToldToUser({code, message}, clientBehaviours(release))).toEqual({code: want, message});
});

test.each([
  ['Unavailable', false],
  ['Internal', false],
  ['Unknown', true],
  ['Canceled', true],
  ['DeadlineExceeded', true],
  ['Unauthenticated', true],
] as const)('%s halts a loop: %s', (code, halts) => {
  expect(isHalting({code, message: ''})).toBe(halts);
});

test('a pause comes after each quorum of endpoints, 25 ms and a tenth more or less', () => {
  const random = Random.fromSeed(1);
  const pauses = (endpointCount: number) =>
    Array.from({length: 7}, (_, attempt) => (backoffUs(random, attempt, endpointCount) > 0 ? 'x' : '.')).join('');
  expect([pauses(1), pauses(2), pauses(3), pauses(5)]).toEqual(['.xxxxxx', '..x.x.x', '..x.x.x', '...x..x']);
  const drawn = Array.from({length: 300}, () => backoffUs(random, 2, 3));
  expect(Math.min(...drawn)).toBeGreaterThanOrEqual(22_500);
  expect(Math.max(...drawn)).toBeLessThanOrEqual(27_500);
  expect(new Set(drawn).size).toBeGreaterThan(100);
});

test('grants, revokes and alarms count as repeatable, transactions do not', () => {
  expect(isRepeatableMethod('/etcdserverpb.Lease/LeaseGrant')).toBe(true);
  expect(isRepeatableMethod('/etcdserverpb.Lease/LeaseRevoke')).toBe(true);
  expect(isRepeatableMethod('/etcdserverpb.Maintenance/Alarm')).toBe(true);
  expect(isRepeatableMethod('/etcdserverpb.KV/Range')).toBe(true);
  expect(isRepeatableMethod('/etcdserverpb.KV/Txn')).toBe(false);
  expect(isRepeatableMethod('/etcdserverpb.KV/Compact')).toBe(false);
  expect(isRepeatableMethod('/etcdserverpb.Auth/Authenticate')).toBe(false);
});

test('releases differ where their tags do', () => {
  const named = (release: string) => {
    const behaviours = Object.entries(clientBehaviours(release));
    return behaviours.filter(([, value]) => value === true).map(([name]) => name);
  };
  expect(named('3.3.25')).toEqual(['asksTokenPerEndpoint']);
  expect(named('3.4.23')).toEqual([
    'refreshesOnOldAuthRevision',
    'dropsTokenBeforeRefresh',
    'streamsFetchToken',
    'asksTokenPerEndpoint',
    'cancelsWatchAtOnce',
    'pausesBeforeWatchResume',
    'repeatsWatchOnBadToken',
    'syncLeavesOutLearners',
  ]);
  expect(named('3.5.16')).toEqual([
    'refreshesOnOldAuthRevision',
    'dropsTokenBeforeRefresh',
    'streamsFetchToken',
    'forgetsTokenWhenAuthIsOff',
    'cancelsWatchAtOnce',
    'pausesBeforeWatchResume',
    'resumesBehindProgress',
    'syncLeavesOutLearners',
    'listsMembersLinearizably',
    'mutexConfirmsItsKey',
  ]);
});
